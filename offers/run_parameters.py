"""Parameters of a run of offers that are more than options of `score`."""

OFFERED_TO = "offered_to"
"""Number of customers with offers when the run was made, before any withdrawal."""
LEARNED = "acceptance"
"""Its `Acceptance`, the fitted models."""
