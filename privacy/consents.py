"""What a customer has agreed to, purpose by purpose."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from followsuit.core.text import nfc
from followsuit.core.times import utc
from followsuit.graph import schema as g
from followsuit.graph.consent import ALL, PURPOSES
from followsuit.graph.nodes import exists
from followsuit.graph.schema import Col
from followsuit.graph.store import GraphStore
from followsuit.privacy.held import UnknownCustomer


@dataclass(frozen=True)
class Answer:
    """A customer's answer for a purpose.

    Attributes:
        purpose: the purpose.
        granted: whether the customer has agreed; None without an answer.
        since: the time from which that holds; None without an answer.
    """

    purpose: str
    granted: bool | None
    since: datetime | None


def consents_of(store: GraphStore, customer: str, now: datetime) -> list[Answer]:
    """A customer's answers, one for each purpose.

    A purpose is granted from the first grant after the last refusal, and a refusal counts whatever
    its date, as for offers. While a refusal of theirs can't be read, all count as refused.

    Args:
        store: the store.
        customer: the id of the customer.
        now: grants after this instant don't count yet.

    Raises:
        UnknownCustomer: there is no such customer.
        StoreIncomplete: a load is under way or was interrupted.
    """
    customer = nfc(customer)
    with store.reading():
        store.require_complete()
        if not exists(store, g.CUSTOMER, customer):
            raise UnknownCustomer(customer, store)
        rows = store.query(
            f"MATCH (c:`{g.CUSTOMER.label}` {{`{g.CUSTOMER.key}`: $customer}})"
            f"-[r:`{g.CONSENTED.name}`]->(p:`{g.PURPOSE.label}`) "
            f"RETURN p.`{g.PURPOSE.key}` AS `{Col.PURPOSE}`, r.`{Col.GRANTED}` AS `{Col.GRANTED}`, "
            f"r.`{Col.AT}` AS `{Col.AT}`",
            {"customer": customer},
        ).to_pylist()
        blocked = customer in store.meta.blocked_customers
    purposes = [purpose for purpose in PURPOSES if purpose != ALL]
    if blocked:
        return [Answer(purpose, False, None) for purpose in purposes]
    return [_answer(purpose, rows, now) for purpose in purposes]


def _answer(purpose: str, rows: list[dict[str, Any]], now: datetime) -> Answer:
    refused = [
        utc(row[Col.AT])
        for row in rows
        if row[Col.PURPOSE] in (purpose, ALL) and not row[Col.GRANTED]
    ]
    last = max(refused, default=None)
    granted = [utc(row[Col.AT]) for row in rows if row[Col.PURPOSE] == purpose and row[Col.GRANTED]]
    counting = [at for at in granted if at <= now and (last is None or at > last)]
    if counting:
        return Answer(purpose, True, min(counting))
    return Answer(purpose, None if last is None else False, last)
