"""Names of a run's parameters about its policy; `why` reads them without waiting for pydantic."""

POLICY, POLICY_LINES = "policy", "policy_lines"
"""The policy as `Policy.as_dict` gives it, and where each rule stands, by the rule's name."""
INPUTS, HISTORY = "inputs", "history"
"""What the run shares with others of the same data and parameters, and the ids of runs whose offers
could count as sent; see `policy.contact.sent`."""
