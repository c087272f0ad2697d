"""What a shop's policy may say, and how it is read."""
