"""Shared by every room: errors, progress, times, files, compiled code, metrics, the bootstrap."""
