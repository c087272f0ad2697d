"""Stages a delivery on disk: standardises it, checks it and resolves its keys."""
