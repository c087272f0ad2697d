"""Who lives in a simulated world, and whom they know."""
