"""Compares models: full ranking, and the friend ablation."""
