"""What the nightly run learns: taste, and the acceptance model."""
