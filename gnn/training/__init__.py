"""How models are trained, tuned and kept."""
