"""The schema, the store port with its two engines, snapshots, and views as of an instant."""
