"""What a shop's policy may say: contact limits, budgets, what is never offered, the holdout."""

import hashlib
import zoneinfo
from collections.abc import Mapping
from datetime import time, timedelta
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StrictFloat,
    StrictInt,
    StrictStr,
    model_validator,
)

from followsuit.core.near_names import near_name
from followsuit.core.text import nfc
from followsuit.core.times import TimeError, length
from followsuit.graph.consent import CHANNELS

LATEST = 1
"""The version of policies that this code understands."""
LONGEST_ASSUMED = timedelta(days=30)
"""The longest time for which offers may count as sent without a contact."""


def _length(value: Any) -> timedelta:
    try:
        return length(value if isinstance(value, timedelta) else str(value))
    except TimeError as error:
        raise ValueError(str(error).rstrip(".")) from error


def _written(value: timedelta) -> str:
    """A length as a policy has it: in days if they are whole, else in hours."""
    days, rest = divmod(value, timedelta(days=1))
    return f"{value // timedelta(hours=1)}h" if rest else f"{days}d"


def _clock(value: Any) -> time:
    try:
        at = value if isinstance(value, time) else time.fromisoformat(str(value))
    except ValueError as error:
        raise ValueError(f"{value!r} isn't a time of day. Write '21:00'") from error
    if at.tzinfo is not None:
        raise ValueError(f"{value!r} has a zone. Write '21:00', and the zone in `zone`")
    return at


def _zone(value: str) -> str:
    if value not in zoneinfo.available_timezones():
        raise ValueError(f"no such time zone: {value}. Write a name such as 'Europe/Berlin'")
    return value


def _channel(value: str) -> str:
    if value not in CHANNELS:
        near = near_name(value, CHANNELS)
        hint = f"Did you mean {near}?" if near else f"The channels are {', '.join(CHANNELS)}"
        raise ValueError(f"no such channel: {value}. {hint}")
    return value


Length = Annotated[timedelta, BeforeValidator(_length), PlainSerializer(_written)]
Clock = Annotated[time, BeforeValidator(_clock)]
Zone = Annotated[StrictStr, AfterValidator(_zone)]
Channel = Annotated[StrictStr, AfterValidator(_channel)]
Name = Annotated[StrictStr, AfterValidator(nfc), Field(min_length=1)]
Count = Annotated[StrictInt, Field(ge=0, le=2**53)]
Money = Annotated[StrictFloat, Field(ge=0, le=2**53)]
"""An amount in major units."""


class _Part(BaseModel):
    """A part of a policy; a key that it doesn't know is an error."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True
    )


class Window(_Part):
    """At most so many messages in any period of a length."""

    at_most: Count
    within: Length


class PerFriend(_Part):
    """How many offers of a run one customer's purchases may drive."""

    at_most: Count


class Quiet(_Part):
    """The hours in which nothing is sent, from a time of day until another, maybe the next day's.

    Attributes:
        start: when they begin.
        until: when they end.
        zone: the time zone of customers whose own isn't known.
    """

    start: Clock = Field(alias="from")
    until: Clock
    zone: Zone

    @model_validator(mode="after")
    def _not_all_day(self) -> Self:
        if self.start == self.until:
            raise ValueError(f"from and until are both {self.start:%H:%M}: nothing could be sent")
        return self


class Contact(_Part):
    """How often customers are contacted.

    Attributes:
        per_customer: messages to one customer.
        per_channel: messages to one customer through a channel, by channel.
        per_offer: messages to one customer about one offer.
        per_friend: offers of a run that one customer's purchases may drive.
        assume_sent: the offers of a run count as sent for this long, until contacts arrive.
        quiet: when nothing is sent.
    """

    per_customer: Window | None = None
    per_channel: dict[Channel, Window] = Field(default_factory=dict)
    per_offer: Window | None = None
    per_friend: PerFriend | None = None
    assume_sent: Length = timedelta(days=3)
    quiet: Quiet | None = None

    @property
    def longest(self) -> timedelta:
        """The length of the longest window; 0 without any."""
        windows = [self.per_customer, self.per_offer, *self.per_channel.values()]
        return max((each.within for each in windows if each), default=timedelta())


class Limits(_Part):
    """What a day's offers may use, together with those of other runs of the day.

    Attributes:
        budget: costs of channels when sent, plus costs of offers times acceptance.
        channels: number of messages, by channel.
        costs: cost of a message, by channel; other channels cost nothing.
        offers: number of messages about an offer, ever, by id.
        stores: number of offers that may point to a store, by id.
        reveals_sensitive: an item isn't offered if those who would be offered it made a kind of
            sensitive purchase at least this many times as often as others, see `revealing`.
    """

    budget: Money | None = None
    channels: dict[Channel, Count] = Field(default_factory=dict)
    costs: dict[Channel, Money] = Field(default_factory=dict)
    offers: dict[Name, Count] = Field(default_factory=dict)
    stores: dict[Name, Count] = Field(default_factory=dict)
    reveals_sensitive: Annotated[StrictFloat, Field(ge=1)] | None = None

    @property
    def any(self) -> bool:
        """Whether anything is limited; costs alone limit nothing."""
        return self.budget is not None or bool(self.channels or self.offers or self.stores)


class Never(_Part):
    """What is never offered.

    Attributes:
        bought_within: a product that the customer bought within this time, unless it is due again.
        programs: anything, to members of these programs.
        categories: products and stores of these categories.
        min_expected_value: whatever is worth less, in major units.
    """

    bought_within: Length | None = None
    programs: tuple[Name, ...] = ()
    categories: tuple[Name, ...] = ()
    min_expected_value: Money = 0.0


class Holdout(_Part):
    """Customers who get no offers, so that the others can be compared with them.

    Attributes:
        share: the share of customers.
        salt: another salt chooses other customers.
    """

    share: Annotated[StrictFloat, Field(ge=0, lt=1)]
    salt: Name


class Retention(_Part):
    """How long rows are used.

    Attributes:
        events: purchases, visits and events.
        contacts: contacts.
    """

    events: Length | None = None
    contacts: Length | None = None


class Policy(_Part):
    """A shop's policy. Without one, the rules about consent, age and sensitivity apply alone."""

    version: Annotated[StrictInt, Field(ge=1)] = LATEST
    contact: Contact = Field(default_factory=Contact)
    limits: Limits = Field(default_factory=Limits)
    never: Never = Field(default_factory=Never)
    holdout: Holdout | None = None
    retention: Retention = Field(default_factory=Retention)

    @property
    def says_anything(self) -> bool:
        """Whether it differs from an empty policy."""
        return self != Policy()

    @cached_property
    def digest(self) -> str:
        """The same for policies that say the same."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    def as_dict(self) -> dict[str, Any]:
        """What it says, as parameters of a run."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)

    def contradictions(self) -> Mapping[tuple[str, ...], str]:
        """What can't hold together, by the key to change."""
        wrong: dict[tuple[str, ...], str] = {}
        contact, kept, bought = self.contact, self.retention, self.never.bought_within
        if contact.assume_sent > LONGEST_ASSUMED:
            wrong["contact", "assume_sent"] = (
                f"assume_sent is {_written(contact.assume_sent)}. Write at most "
                f"{LONGEST_ASSUMED.days}d"
            )
        if kept.contacts is not None and kept.contacts < contact.longest:
            wrong["retention", "contacts"] = (
                f"contacts = {_written(kept.contacts)} is shorter than the longest `within` of "
                f"[contact]. Write at least {_written(contact.longest)}"
            )
        if kept.events is not None and bought is not None and kept.events < bought:
            wrong["retention", "events"] = (
                f"events = {_written(kept.events)} is shorter than bought_within. Write at least "
                f"{_written(bought)}"
            )
        return wrong


NO_POLICY = Policy()
"""An empty policy."""
