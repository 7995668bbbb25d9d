"""The ticket: one object for every kind of report, its life and its history."""
