"""How often a customer has had an item that is due again, over the year."""

from followsuit.offers.features.frequency import Frequency


class LongFrequency(Frequency):
    """log(1 + sum of 0.5^(days since / 120) over the customer's interactions with the item).

    0 for items that are new to the customer. `frequency` has a half-life of 30 days.
    """

    name = "long_frequency"
    half_life = 120.0
