"""Reads files and databases, checks and standardises their tables, and loads them into a store."""
