"""The contract of the `GraphStore` port, by subject."""
