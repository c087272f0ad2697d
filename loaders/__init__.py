"""From files and databases to clean typed tables, and from there into a store."""
