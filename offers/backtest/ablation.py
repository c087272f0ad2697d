"""Which features rest on a trigger, a feature, a table or an event kind."""

from collections.abc import Mapping

from followsuit.core.errors import FollowsuitError
from followsuit.core.near_names import near_name
from followsuit.graph import tables as t
from followsuit.offers.features.declared import FEATURES
from followsuit.offers.features.of_reasons import feature_of
from followsuit.triggers.definitions.definition import Definition, FriendDid, Holds, Likes, OnDate
from followsuit.triggers.definitions.kinds import PURCHASE, event_kind, table_of


class UnknownAblation(FollowsuitError):
    """There is no such trigger, feature, table or event kind."""


def ablated_features(name: str, definitions: Mapping[str, Definition]) -> list[str]:
    """The features to leave out so that none rests on `name` alone.

    A feature of several tables stays if only one of them is named.

    Args:
        name: the name of a trigger, a feature, a table or an event kind.
        definitions: the triggers by name.

    Raises:
        UnknownAblation: no feature rests on anything of that name.
    """
    declared = {feature.name: feature.source.split(", ") for feature in FEATURES}
    features = [each for each, sources in declared.items() if name == each or [name] == sources]
    resting = [n for n, d in definitions.items() if name == n or name in _sources(d)]
    features += [feature_of(trigger) for trigger in resting]
    if not features:
        sources = {source for each in definitions.values() for source in _sources(each)}
        known = sorted({*declared, *definitions, *sources})
        near = near_name(name, known)
        meant = f"Did you mean {near}?" if near else f"Name one of {', '.join(known)}."
        raise UnknownAblation(f"No feature rests on anything called {name!r}. {meant}")
    return features


def _sources(definition: Definition) -> set[str]:
    """The tables and event kinds that a trigger rests on."""
    if definition.statistic is not None:
        return {t.PURCHASES.name, PURCHASE}
    sources = {event_kind(kind) for kind in definition.kinds()}
    sources |= {table_of(kind).name for kind in definition.kinds()}
    tables = {FriendDid: t.FRIENDSHIPS, Likes: t.LIKES, Holds: t.MEMBERSHIPS, OnDate: t.CUSTOMERS}
    sources |= {tables[type(c)].name for c in definition.when if type(c) in tables}
    return sources
