"""What may be offered to whom: the catalogue, the candidates, and the grid that holds them."""
