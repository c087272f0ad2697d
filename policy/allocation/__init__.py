"""Chooses which offers to make under limits, so that they are worth the most."""
