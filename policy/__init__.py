"""Policy: which candidates may be offered, decided by an ordered list of rules."""
