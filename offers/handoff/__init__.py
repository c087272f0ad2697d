"""Writes the offers of the active run as files, one for each channel in the form its people use."""
