"""A shop: a store with its computations."""

from followsuit.api.models import Models
from followsuit.api.offers import Offers
from followsuit.api.rights import Rights


class Shop(Models, Offers, Rights):
    """A store of customers, products, stores and friendships.

    Dates may be text; a date means 00:00 UTC. Lengths of time are `14d`, `2w`, `36h` or a
    `timedelta`. With the embedded engine, a shop keeps nothing open between calls, so that
    notebooks don't block nightly loads.

        >>> shop = followsuit.open("followsuit.lbug")
        >>> shop.query("counts")
        >>> shop.friends("2025-12-31").number_of_edges()
    """
