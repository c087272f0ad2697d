"""A simulated retail world: the tables that a retailer would deliver, and the truth behind them.

Customers in communities buy by taste, season, promotion and their friends' example. The planted
truth holds how strong each friend's example is, per pair and category, so that tests can compare
results with it.
"""

from followsuit.simulator.simulation import Simulated, simulate, tables
from followsuit.simulator.world import World, WorldError

__all__ = ["Simulated", "World", "WorldError", "simulate", "tables"]
