"""Distances on the globe, between interactions, cities and stores."""

import ibis
import ibis.expr.types as ir

_RADIUS_KM = 6371.0088
"""Mean radius of the Earth (IUGG)."""
_KM_PER_DEGREE = 111.0
"""A little less than a degree of latitude, so that no near store is missed."""


def near(points: ir.Table, stores: ir.Table, km: float) -> ir.Table:
    """The pairs of a point and a store within a distance, by the haversine formula.

    Args:
        points: rows with `latitude` and `longitude` in degrees; rows without them have no pair.
        stores: `store_id, latitude, longitude`.
        km: maximum distance in kilometres.

    Returns:
        The columns of `points`, and `near_store_id`.
    """
    # Bands of latitude: a point's near stores are in its own band or the next ones.
    degrees = max(km / _KM_PER_DEGREE, 1e-6)
    places = stores.filter(stores.latitude.notnull(), stores.longitude.notnull()).select(
        near_store_id="store_id", store_latitude="latitude", store_longitude="longitude"
    )
    places = places.mutate(step=ibis.array([-1, 0, 1]).unnest())
    places = places.mutate(band=_band(places.store_latitude, degrees) + places.step)
    located = points.filter(points.latitude.notnull(), points.longitude.notnull())
    located = located.mutate(band=_band(located.latitude, degrees))
    pairs = located.inner_join(places, "band")
    distance = _haversine_km(
        pairs.latitude, pairs.longitude, pairs.store_latitude, pairs.store_longitude
    )
    return pairs.filter(distance <= km).select(*points.columns, "near_store_id")


def city_stores(stores: ir.Table, km: float) -> ir.Table:
    """The stores within a distance of each city's centre.

    The centre of a city is the mean of its stores' coordinates. A city whose stores have no
    coordinates has its own stores.

    Args:
        stores: `store_id, city, latitude, longitude`.
        km: maximum distance in kilometres.

    Returns:
        `city, store_id`; cities without any store aren't in it.
    """
    placed = stores.filter(
        stores.city.notnull(), stores.latitude.notnull(), stores.longitude.notnull()
    )
    centres = placed.group_by("city").aggregate(
        latitude=placed.latitude.mean(), longitude=placed.longitude.mean()
    )
    around = near(centres, stores, km).select("city", store_id="near_store_id")
    unplaced = stores.filter(stores.city.notnull()).anti_join(centres, "city")
    return ibis.union(around, unplaced.select("city", "store_id"))


def _band(latitude: ir.Value, degrees: float) -> ir.Value:
    return (latitude / degrees).floor().cast("int64")


def _haversine_km(
    latitude: ir.Value, longitude: ir.Value, other_latitude: ir.Value, other_longitude: ir.Value
) -> ir.Value:
    """The great-circle distance (Sinnott 1984, "Virtues of the haversine")."""
    up = (other_latitude - latitude).radians() / 2
    along = (other_longitude - longitude).radians() / 2
    chord = up.sin().pow(2) + latitude.radians().cos() * other_latitude.radians().cos() * (
        along.sin().pow(2)
    )
    return 2 * _RADIUS_KM * ibis.least(chord.sqrt(), 1.0).asin()
