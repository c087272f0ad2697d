"""The customers of a simulated world, and their friendships."""
