"""Explains in words why something is offered or not."""
