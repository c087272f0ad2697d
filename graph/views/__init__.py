"""What was known at an instant: the snapshot, cut by time and consent."""
