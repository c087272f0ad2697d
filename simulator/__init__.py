"""A seeded retail world: what a retailer would deliver, and the truth behind it.

Customers in communities buy by taste, season, promotion and example. How strong the example of
friends is, per pair and category, is known here and nowhere else, so that what is learnt from the
delivery can be held against it.
"""

from followsuit.simulator.simulation import Simulated, simulate, tables
from followsuit.simulator.world import World, WorldError

__all__ = ["Simulated", "World", "WorldError", "simulate", "tables"]
