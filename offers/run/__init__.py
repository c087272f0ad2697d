"""A run of offers: its files, the checks before it is activated, and how it follows another."""
