"""Network analysis: who influences whom, how sure we are, and through whom to start."""
