"""Erases customers, finds what is left of them, and remembers whom not to load again."""
