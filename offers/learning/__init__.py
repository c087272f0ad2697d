"""What the nightly run fits: taste and the acceptance model."""
