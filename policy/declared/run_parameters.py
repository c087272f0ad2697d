"""Names of a run's parameters about its policy; `why` reads them without waiting for pydantic."""

POLICY, POLICY_LINES = "policy", "policy_lines"
"""The policy as `Policy.as_dict` gives it, and where each rule stands, by the rule's name."""
