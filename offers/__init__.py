"""Who has a reason now, which offer suits it, and what it is worth."""
