"""Which offers reveal sensitive purchases."""
