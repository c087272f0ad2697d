"""Definitions compiled to Ibis: for whom, about what, when, and at which stores."""
