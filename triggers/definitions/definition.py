"""Trigger definitions: what an analyst writes in TOML, as types.

A definition has conditions that must all hold as of a day, or names a statistic. It says what they
make an offer for.
`definition_file.py` reads it, `compiler/` compiles it to Ibis.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Self

from pydantic import (
    Field,
    StrictBool,
    ValidationInfo,
    field_validator,
    model_validator,
)

from followsuit.graph import tables as t
from followsuit.graph.tables import Kind
from followsuit.triggers.definitions.kinds import (
    CONTACT,
    WITH_CITY,
    Same,
    table_of,
)
from followsuit.triggers.definitions.statistic import Statistic
from followsuit.triggers.definitions.values import (
    InteractionKind,
    Length,
    Name,
    Number,
    Strict,
    Where,
    Whole,
    check_count,
    check_order,
    check_same,
    check_sum,
    check_where,
)
from followsuit.triggers.placeholders import OF_FRIENDS, check_placeholders


class NthLast(Strict):
    """The customer's n-th last interaction of a kind."""

    nth_last: Annotated[Whole, Field(ge=1)]
    of: InteractionKind


class Did(Strict):
    """Something that the customer did, or with `none` didn't do."""

    did: InteractionKind
    where: Where = Field(default_factory=dict)
    at_least: Number | None = None
    at_most: Number | None = None
    sum: Name | None = None
    within: Length | None = None
    since: NthLast | None = None
    none: StrictBool = False
    same: Same | None = None
    away: StrictBool = False
    near_store_km: Annotated[Number, Field(gt=0, le=20_000)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        table = table_of(self.did)
        check_where(self.did, self.where)
        check_same(self.did, self.same)
        if self.within is not None and self.since is not None:
            raise ValueError("a condition has `within` or `since`, not both")
        if self.none and (self.at_least, self.at_most, self.sum) != (None, None, None):
            raise ValueError("`none` allows no `at_least`, `at_most` or `sum`")
        if self.sum is not None and self.at_least is None and self.at_most is None:
            raise ValueError("`sum` needs `at_least` or `at_most`")
        if self.sum is not None:
            check_sum(self.did, self.sum)
        if self.sum is None:
            for name in ("at_least", "at_most"):
                check_count(name, getattr(self, name))
        check_order(self.fewest, self.at_most)
        if self.away and table not in WITH_CITY:
            raise ValueError(f"`away` needs a city, which {self.did} doesn't have")
        if self.near_store_km is not None and table is not t.EVENTS:
            raise ValueError("`near_store_km` needs coordinates, which only events have")
        return self

    @property
    def fewest(self) -> Number | None:
        """The least count, or the least sum; None if a sum has no lower bound."""
        return 1 if self.at_least is None and self.sum is None else self.at_least

    @property
    def positive(self) -> bool:
        """Whether it needs an interaction to hold: `none`, and bounds around 0, don't."""
        low, high = self.fewest or 0, self.at_most or 0
        return not self.none and not low <= 0 <= high


class FriendDid(Strict):
    """Something that friends did who share their activity."""

    friend_did: InteractionKind
    where: Where = Field(default_factory=dict)
    at_least: Annotated[Whole, Field(ge=1)] = 1
    within: Length | None = None
    interactions: Annotated[Whole, Field(ge=0)] | None = None
    same: Same | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.friend_did == CONTACT:
            raise ValueError("what friends were offered is no reason; name another kind")
        check_where(self.friend_did, self.where)
        check_same(self.friend_did, self.same)
        return self

    @property
    def positive(self) -> bool:
        """Whether it needs an interaction to hold: always."""
        return True


class OnDate(Strict):
    """A date of the customer: its anniversary is `ahead`, or it lies `within` the last days."""

    date: Name
    ahead: Length | None = None
    within: Length | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.ahead is None) == (self.within is None):
            raise ValueError("a date has `ahead` or `within`")
        if self.ahead is not None and self.ahead % timedelta(days=1):
            raise ValueError("`ahead` counts days; write 7d or 1w")
        kind = next((f.kind for f in t.CUSTOMERS.fields if f.name == self.date), None)
        if kind not in (Kind.DATE, Kind.TIME, None):
            raise ValueError(f"{self.date} isn't a date; customers have birth_date and joined_at")
        return self


class Likes(Strict):
    """An interest that the customer likes."""

    likes: Name


class Holds(Strict):
    """A program that the customer holds."""

    holds: Name


Condition = Did | FriendDid | OnDate | Likes | Holds
CONDITIONS: Mapping[str, type[Condition]] = {
    "did": Did,
    "friend_did": FriendDid,
    "date": OnDate,
    "likes": Likes,
    "holds": Holds,
}
"""The key that says what a condition is about."""


class Scope(Strict):
    """What the offer must be: `attributes` are those of a covered item."""

    program: Name | None = None
    interest: Name | None = None
    same: Same | None = None
    stores_near: InteractionKind | None = None
    within_km: Annotated[Number, Field(gt=0, le=20_000)] | None = None
    attributes: Where = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.stores_near is None) != (self.within_km is None):
            raise ValueError("`stores_near` and `within_km` go together")
        if self.stores_near is not None and table_of(self.stores_near) not in WITH_CITY:
            raise ValueError(f"`stores_near` needs a city, which {self.stores_near} doesn't have")
        return self


class Definition(Strict):
    """A trigger: who has a reason, for which offers, and how long.

    It has `when` or `statistic`.

    Attributes:
        name: the name of the trigger.
        when: the conditions, which all hold; none with a statistic.
        statistic: the statistic that finds the reasons; None with conditions.
        offer: what may be offered.
        reason: what the customer may be told; None to use the text of the language. With a
            condition about friends, it may have the placeholders `{friends}` and `{period}`.
        lasts: how long the reason is live; None for the longest window. A reason of a statistic
            that looks ahead then lasts as long as the statistic finds it.
        again_after: the least time between two reasons of a customer for the same thing; None for
            no limit. See `pauses.py`.
    """

    name: str
    when: tuple[Condition, ...] = ()
    statistic: Statistic | None = None
    offer: Scope = Scope()
    reason: Name | None = None
    lasts: Length | None = None
    again_after: Length | None = None

    @field_validator("reason")
    @classmethod
    def _filled_in(cls, reason: str | None, info: ValidationInfo) -> str | None:
        if reason is not None:
            check_placeholders(reason, OF_FRIENDS)
            if not any(isinstance(c, FriendDid) for c in info.data.get("when", ())):
                for place in OF_FRIENDS:
                    if f"{{{place}}}" in reason:
                        raise ValueError(f"{{{place}}} needs a condition with `friend_did`")
        return reason

    @model_validator(mode="after")
    def _either(self) -> Self:
        if self.statistic is None:
            if not self.when:
                raise ValueError("it needs `when` or `statistic`")
            return self
        if self.when:
            raise ValueError("a trigger has `when` or `statistic`, not both")
        if self.again_after is not None:
            raise ValueError("`again_after` needs `when`")
        for key in ("same", "stores_near"):
            if getattr(self.offer, key) is not None:
                raise ValueError(f"`{key}` needs `when`; the statistic says what to offer")
        return self

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        kinds = {c.same for c in self.interactions if c.same is not None}
        if len(kinds) > 1:
            raise ValueError(
                f"its conditions have `same` for {' and '.join(sorted(kinds))}; a reason is about "
                "one thing"
            )
        if self.about is not None:
            first = self.first
            if first is None:
                raise ValueError("`same` needs a condition that names an interaction")
            check_same(first.did if isinstance(first, Did) else first.friend_did, self.about)
            offered = self.offer.same
            if offered not in (None, self.about) and self.about not in FINER[offered]:
                raise ValueError(
                    f"its conditions are about the same {self.about}, which has no {offered} to "
                    "offer"
                )
        if self.when and not any(isinstance(c, OnDate | Did | FriendDid) for c in self.when):
            raise ValueError("it needs a condition with `did`, `friend_did` or `date` to fire")
        return self

    @property
    def interactions(self) -> list[Did | FriendDid]:
        """The conditions about interactions."""
        return [c for c in self.when if isinstance(c, Did | FriendDid)]

    @property
    def about(self) -> Same | None:
        """What its conditions are about: one reason per customer and such thing."""
        named = next((c.same for c in self.interactions if c.same is not None), None)
        return named or self.offer.same

    @property
    def first(self) -> Did | FriendDid | None:
        """The first condition that an interaction fulfils, which says what the reason is about.

        It is the first one without `same`; if there is none, the first one with it.
        """
        positive = [c for c in self.interactions if c.positive]
        return next((c for c in positive if c.same is None), next(iter(positive), None))

    def is_about(self, condition: Condition) -> bool:
        """Whether a condition is about what the reason is about."""
        if self.about is None or not isinstance(condition, Did | FriendDid):
            return False
        return condition.same is not None or condition is self.first

    @property
    def anniversary(self) -> OnDate | None:
        """Its first condition about an anniversary."""
        dates = (c for c in self.when if isinstance(c, OnDate) and c.ahead is not None)
        return next(dates, None)

    @property
    def longest(self) -> timedelta | None:
        """The longest window of its conditions; None if none has a window."""
        windows = [c.within for c in self.when if isinstance(c, Did | FriendDid | OnDate)]
        return max((w for w in windows if w is not None), default=None)

    @property
    def live(self) -> timedelta | None:
        """How long a reason is live after it fired; None for as long as the conditions hold.

        Without an interaction or a date that begins it, nothing says when it would end.
        """
        begins = self.first is not None or any(isinstance(c, OnDate) for c in self.when)
        return self.lasts or (self.longest if begins else None)

    def kinds(self) -> Iterator[str]:
        """The kinds of interaction that it names."""
        for condition in self.interactions:
            yield condition.did if isinstance(condition, Did) else condition.friend_did
            if isinstance(condition, Did) and condition.since is not None:
                yield condition.since.of
        if self.offer.stores_near is not None:
            yield self.offer.stores_near


FINER: Mapping[Same, tuple[Same, ...]] = {
    "product": (),
    "store": (),
    "category": ("product", "store"),
    "brand": ("product",),
}
"""For what an offer may be about: the things that have such an attribute."""


def undated(definitions: Mapping[str, Definition]) -> list[str]:
    """What triggers rest on that has no date, so that a view of the past shows today's.

    Args:
        definitions: the definitions by name.
    """
    friends = (c for each in definitions.values() for c in each.when if isinstance(c, FriendDid))
    close = any(condition.interactions is not None for condition in friends)
    return ["friendships.interactions"] if close else []
