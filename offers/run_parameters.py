"""Parameters of a run of offers that are more than options of `score`."""

CUSTOMERS = "customers"
"""Ids of the customers that a part is for; None for all others."""
OFFERED_TO = "offered_to"
"""Number of customers with offers when the run was made, before any withdrawal."""
LEARNED = "acceptance"
"""Its `Acceptance`, the fitted models."""
