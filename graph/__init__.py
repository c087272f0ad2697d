"""The schema, the store port with its two engines, and the snapshot as of a day."""
