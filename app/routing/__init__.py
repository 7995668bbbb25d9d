"""Who gets it: pure ``rules.choose`` over typed rules, always saying why."""
