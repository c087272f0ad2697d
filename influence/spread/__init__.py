"""How far influence spreads, and which seed customers to choose."""
