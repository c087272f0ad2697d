"""Judges triggers on past days."""
