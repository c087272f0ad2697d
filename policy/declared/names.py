"""Checks that the data has what a policy names: an unknown name would limit nothing."""

from collections.abc import Iterator, Sequence

import ibis.expr.types as ir

from followsuit.core.near_names import near_name
from followsuit.graph import tables as t
from followsuit.graph.views.view import View
from followsuit.policy.declared.policy_file import PolicyFile


def check_names(file: PolicyFile, view: View) -> None:
    """Check the programs, categories, offers and stores that a policy names.

    Args:
        file: the policy.
        view: the view as of the run's instant.

    Raises:
        PolicyError: the loaded data lacks a name in the policy.
    """
    policy = file.policy
    named = (
        (("never", "programs"), policy.never.programs, "program", _programs(view)),
        (("never", "categories"), policy.never.categories, "category", _categories(view)),
        (("limits", "offers"), tuple(policy.limits.offers), "offer", [_offers(view)]),
        (("limits", "stores"), tuple(policy.limits.stores), "store", [_stores(view)]),
    )
    for path, names, what, columns in named:
        if names:
            known = _values(columns)
            for name in names:
                if name not in known:
                    near = near_name(name, sorted(known))
                    hint = f"Did you mean {near}?" if near else "Correct the name, or load it first"
                    raise file.wrong(f"no such {what} in the data: {name}. {hint}", *path, name)


def _programs(view: View) -> Iterator[ir.StringColumn]:
    yield view.table(t.MEMBERSHIPS).program
    yield view.table(t.OFFERS).program


def _categories(view: View) -> Iterator[ir.StringColumn]:
    for table in (t.PRODUCTS, t.STORES, t.OFFERS, t.CATEGORIES):
        yield view.table(table).category


def _offers(view: View) -> ir.StringColumn:
    rows = view.table(t.OFFERS)
    # Without a table of offers, each item is its own offer.
    return rows.offer_id if view.offers is not None else view.items.item_id


def _stores(view: View) -> ir.StringColumn:
    return view.table(t.STORES).store_id


def _values(columns: Sequence[ir.StringColumn] | Iterator[ir.StringColumn]) -> set[str]:
    values: set[str] = set()
    for column in columns:
        values |= set(column.name("name").as_table().distinct().to_pyarrow()["name"].to_pylist())
    return values - {None}
