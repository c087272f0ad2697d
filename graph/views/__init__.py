"""What was known at an instant, of whom, and of whose rows others may know."""
