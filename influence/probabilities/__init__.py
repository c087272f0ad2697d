"""Learned probabilities that a friend's interaction is followed, with intervals."""
