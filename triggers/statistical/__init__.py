"""Triggers that a model or a test finds: one module each."""
