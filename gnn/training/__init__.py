"""Trains, tunes and stores models."""
