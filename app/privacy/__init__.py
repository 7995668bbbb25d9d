"""What people are told about their data, what they agreed to, and their rights to it."""
