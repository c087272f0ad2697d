"""The kinds of limits that messages share, by their keys in a policy."""

BUDGET, CHANNELS, OFFERS, STORES = "budget", "channels", "offers", "stores"
PER_FRIEND = "per_friend"
KINDS = (BUDGET, CHANNELS, OFFERS, STORES, PER_FRIEND)
