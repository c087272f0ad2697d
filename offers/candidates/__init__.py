"""What may be offered to whom: catalogue, candidates, and the grid that they are laid out on."""
