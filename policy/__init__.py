"""Decides which candidates may be offered, by an ordered list of rules."""
