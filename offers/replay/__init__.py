"""Earlier days, seen as of then: what the models learn from."""
