"""Says in words what a trigger looks for."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from followsuit.triggers.definitions.definition import (
    Condition,
    Definition,
    Did,
    FriendDid,
    Holds,
    Likes,
    OnDate,
)
from followsuit.triggers.definitions.definition_file import read_definitions, shipped_definitions
from followsuit.triggers.definitions.values import Bounds, Match, Where

SHIPPED = "shipped"
"""In place of a file's name, for triggers that come with followsuit."""

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


def in_words(definition: Definition) -> str:
    """What a trigger looks for, such as `basket within 3d; no purchase within 3d`."""
    if definition.statistic is not None:
        most = f"for at most {100 * definition.statistic.share:g}% of the customers"
        return f"{definition.statistic.defaults.sentence}, {most}"
    return "; ".join(_condition(condition) for condition in definition.when)


def window_in_words(definition: Definition) -> str | None:
    """The longest window of a trigger, such as `30d`; None if it has none."""
    if definition.statistic is not None:
        length = as_length(definition.statistic.length)
        return f"{length} ahead" if definition.statistic.looks_ahead else length
    if definition.anniversary is not None and definition.longest is None:
        assert definition.anniversary.ahead is not None
        return f"{as_length(definition.anniversary.ahead)} ahead"
    return None if definition.longest is None else as_length(definition.longest)


def as_length(span: timedelta) -> str:
    """A length of time as definitions write it: `14d`, `36h`."""
    return f"{span // _HOUR}h" if span % _DAY else f"{span // _DAY}d"


def _condition(condition: Condition) -> str:
    match condition:
        case Likes():
            return f"likes {condition.likes}"
        case Holds():
            return f"holds {condition.holds}"
        case OnDate():
            return " ".join(_date(condition))
        case FriendDid():
            return " ".join(_friends(condition))
    return " ".join(_own(condition))


def _own(condition: Did) -> Iterator[str]:
    yield f"no {condition.did}" if condition.none else condition.did
    yield from _where(condition.where)
    if condition.same is not None:
        yield f"of the same {condition.same}"
    if condition.away:
        yield "in another city"
    if condition.near_store_km is not None:
        yield f"within {condition.near_store_km} km of a store"
    if condition.sum is not None:
        yield f"with {condition.sum} in total"
    yield from _bounds(condition.at_least, condition.at_most, counted=condition.sum is None)
    yield from _within(condition.within)
    if condition.since is not None:
        yield f"since number {condition.since.nth_last} from the last {condition.since.of}"


def _friends(condition: FriendDid) -> Iterator[str]:
    close = condition.interactions
    who = "a friend's" if condition.at_least == 1 else f"{condition.at_least} friends'"
    yield f"{who} {condition.friend_did}"
    yield from _where(condition.where)
    if condition.same is not None:
        yield f"of the same {condition.same}"
    if close is not None:
        yield f"with at least {close} interactions with the friend"
    yield from _within(condition.within)


def _date(condition: OnDate) -> Iterator[str]:
    yield condition.date
    if condition.ahead is not None:
        yield f"at most {as_length(condition.ahead)} ahead"
    yield from _within(condition.within)


def _within(span: timedelta | None) -> Iterator[str]:
    if span is not None:
        yield f"within {as_length(span)}"


def _bounds(low: float | None, high: float | None, *, counted: bool) -> Iterator[str]:
    times = " times" if counted else ""
    if low is not None:
        yield f"at least {low}{times}"
    if high is not None:
        yield f"{'and ' if low is not None else ''}at most {high}{times}"


def _where(where: Where) -> Iterator[str]:
    if where:
        yield "where " + " and ".join(f"{name} is {_match(each)}" for name, each in where.items())


def _match(match: Match) -> str:
    if isinstance(match, Bounds):
        return " ".join(_bounds(match.at_least, match.at_most, counted=False))
    if isinstance(match, tuple):
        return " or ".join(map(str, match))
    return str(match)


def listed(file: Path | None) -> list[dict[str, str | None]]:
    """The triggers as `trigger list --json` writes them: shipped ones and those of a file.

    Args:
        file: a file of your own triggers; None for the shipped ones alone.

    Raises:
        TriggerError: the file can't be read, or a trigger isn't valid.
    """
    own = {} if file is None else read_definitions(file)
    return [
        {
            "name": name,
            "looks_for": in_words(each),
            "window": window_in_words(each),
            "file": str(file) if name in own else SHIPPED,
        }
        for name, each in (shipped_definitions() | own).items()
    ]
