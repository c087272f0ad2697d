"""Evaluates the ranking on past data, and compares it with simpler strategies."""
