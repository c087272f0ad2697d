"""Finds who has a reason now, which offer fits it, and how likely the customer is to accept."""
