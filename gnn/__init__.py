"""Taste: who likes what, learned from the graph; plain models, graph neural networks, and a blend.

Needs nothing but `followsuit.graph`. What is built on torch says so: it comes with the extra `gnn`.
"""
