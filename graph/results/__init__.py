"""Runs and their results in the graph, and the models that they share."""
