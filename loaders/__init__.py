"""From files, databases and the simulator to clean typed tables, and from there into a store."""
