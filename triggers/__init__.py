"""Triggers: who has a reason for an offer now."""
