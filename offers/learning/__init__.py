"""The models of acceptance, their calibration, and what is learned again."""
