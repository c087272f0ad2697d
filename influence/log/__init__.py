"""The action log: first interactions, exposures and exposed triples."""
