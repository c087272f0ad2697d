"""How models are compared: full ranking, and the friend ablation."""
