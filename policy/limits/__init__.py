"""The limits that the messages of a run share."""
