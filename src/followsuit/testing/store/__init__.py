"""What every engine of the `GraphStore` port promises, by subject."""
