"""What can be reported: categories, who answers for them, and how fast."""
