"""Says what a reason is an offer of: an item, or what an item must be, and at which stores."""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from followsuit.graph import tables as t
from followsuit.graph.items import ITEM, PRODUCT, STORE
from followsuit.graph.schema import Col
from followsuit.graph.tables import Kind, Table
from followsuit.graph.views.view import View
from followsuit.triggers.compiler.conditions import key_of, matching
from followsuit.triggers.compiler.interactions import ABOUT, json_value, matches
from followsuit.triggers.compiler.nearby import city_stores, near
from followsuit.triggers.definitions.definition import Definition, Did
from followsuit.triggers.definitions.kinds import Same
from followsuit.triggers.definitions.values import Where
from followsuit.triggers.trigger import EVIDENCE, REASONS

STORE_IDS = "store_ids"


def with_offer(definition: Definition, view: View, rows: ir.Table) -> ir.Table:
    """Where an offer can be made, with the columns of a reason.

    A reason names an item, or a category or brand, or none of them. Then any item may be offered
    that has the attributes of the trigger's offer, see `offered_items`.

    Args:
        definition: the trigger.
        view: the view as of the day.
        rows: see `fired`.

    Returns:
        The columns of `rows`, `REASONS` and `EVIDENCE`. Where the offer needs a store to go to,
        customers without one have no reason.
    """
    scope = definition.offer
    rows = at_stores(definition, view, rows)
    if needs_store(definition):
        rows = rows.filter(rows[STORE_IDS].notnull())
    columns = {"item_kind": ibis.null(str), "item_id": ibis.null(str)}
    columns |= {name: ibis.null(str) for name in ("category", "brand")}
    for name in ("category", "brand"):
        if isinstance(scope.attributes.get(name), str):
            columns[name] = ibis.literal(scope.attributes[name])
    if _names_item(definition):
        columns |= {"item_kind": ibis.literal(scope.same), "item_id": rows[ABOUT]}
    elif scope.same in ("category", "brand"):
        rows = _with_attribute(view, rows, definition.about, scope.same)
        columns[scope.same] = rows.attribute
    rows = rows.mutate(**columns, trigger=ibis.literal(definition.name))
    if _names_item(definition) and scope.attributes:
        rows = rows.semi_join(offered_items(view, scope.attributes), list(ITEM))
    return rows


def as_reasons(rows: ir.Table) -> ir.Table:
    """Rows of `with_offer`, in the columns of `REASONS` and `EVIDENCE` alone."""
    kinds = {**REASONS, **EVIDENCE}
    return rows.select([rows[name].cast(kind).name(name) for name, kind in kinds.items()])


def offered_items(view: View, attributes: Where) -> ir.Table:
    """`item_kind, item_id` of the items that have the attributes of a trigger's offer."""
    parts = [_having(view, kind, table, attributes) for kind, table in _TABLES.items()]
    return view.items.select(*ITEM).semi_join(ibis.union(*parts), list(ITEM))


def needs_store(definition: Definition) -> bool:
    """Whether an offer can only be redeemed at stores that the reason names."""
    return bool(
        definition.offer.stores_near is not None
        or _near_condition(definition) is not None
        or (definition.offer.same == "store" and not _names_item(definition))
    )


def at_stores(definition: Definition, view: View, rows: ir.Table) -> ir.Table:
    """Add `store_ids`, the stores that a reason names, sorted; null if it names none.

    Args:
        definition: the trigger.
        view: the view as of the day.
        rows: see `fired`.
    """
    key, places = key_of(definition.about), []
    if definition.offer.same == "store" and not _names_item(definition):
        places.append(rows.select(*key, store_id=ABOUT))
    if definition.offer.stores_near is not None:
        places.append(_around_city(definition, view))
    if (condition := _near_condition(definition)) is not None:
        places.append(_around_place(condition, definition, view))
    if not places:
        return rows.mutate(**{STORE_IDS: ibis.null("array<string>")})
    pairs = rows.select(key)
    for place in places:
        common = [name for name in pairs.columns if name in place.columns]
        pairs = pairs.inner_join(place, common).distinct()
    named = pairs.group_by(key).aggregate(
        **{STORE_IDS: pairs.store_id.collect(order_by=pairs.store_id)}
    )
    return rows.left_join(named, key).drop(*(f"{name}_right" for name in key))


_TABLES: Mapping[str, Table] = {PRODUCT: t.PRODUCTS, STORE: t.STORES}


def _names_item(definition: Definition) -> bool:
    """Whether its reasons name one item each: a product, or a store to visit."""
    same, attributes = definition.offer.same, definition.offer.attributes
    return same == "product" or (same == "store" and not attributes)


def _near_condition(definition: Definition) -> Did | None:
    near_ones = (c for c in definition.when if isinstance(c, Did) and c.near_store_km is not None)
    return next((c for c in near_ones if c.positive), None)


def _around_city(definition: Definition, view: View) -> ir.Table:
    """The key of a condition, and `store_id` of the stores around the latest city."""
    scope = definition.offer
    assert scope.stores_near is not None
    assert scope.within_km is not None
    named = (c for c in definition.when if isinstance(c, Did) and c.did == scope.stores_near)
    condition = next((c for c in named if c.positive), Did(did=scope.stores_near))
    latest = _latest(condition, definition, view, order="city", city=True)
    around = city_stores(view.stores, float(scope.within_km))
    key = key_of(_about(condition, definition))
    return latest.inner_join(around, "city").select(*key, "store_id")


def _around_place(condition: Did, definition: Definition, view: View) -> ir.Table:
    """The key of a condition, and `store_id` of the stores near the latest coordinates."""
    assert condition.near_store_km is not None
    latest = _latest(condition, definition, view, order=Col.EVENT_ID)
    pairs = near(latest, view.stores, float(condition.near_store_km))
    return pairs.select(*key_of(_about(condition, definition)), store_id="near_store_id")


def _latest(
    condition: Did, definition: Definition, view: View, *, order: str, city: bool = False
) -> ir.Table:
    """Each customer's latest interaction that a condition counts."""
    about = _about(condition, definition)
    rows = matching(view, condition, about, city=city)
    window = ibis.window(group_by=key_of(about), order_by=[ibis.desc("at"), order])
    numbered = rows.mutate(number=ibis.row_number().over(window))
    return numbered.filter(numbered.number == 0).drop("number")


def _about(condition: Did, definition: Definition) -> Same | None:
    return definition.about if definition.is_about(condition) else None


def _with_attribute(view: View, rows: ir.Table, about: Same | None, name: str) -> ir.Table:
    """Add `attribute`: the category or brand that a reason is about, or that of its item."""
    if about == name:
        return rows.mutate(attribute=rows[ABOUT])
    items = view.items.filter(view.items.item_kind == about)
    known = items.select(**{ABOUT: "item_id"}, attribute=name)
    return rows.inner_join(known.filter(known.attribute.notnull()), ABOUT)


def _having(view: View, kind: str, table: Table, attributes: Where) -> ir.Table:
    """`item_kind, item_id` of the products, or stores, that have all attributes."""
    rows = view.table(table)
    kinds = {field.name: field.kind for field in table.fields}
    held = []
    for name, match in attributes.items():
        column = name.removeprefix(f"{kind}.")
        if column in kinds and kinds[column] is not Kind.ATTRIBUTES:
            held.append(matches(rows[column], kinds[column], match).fill_null(False))
        elif Col.ATTRIBUTES in kinds:
            text = json_value(rows[Col.ATTRIBUTES], column)
            held.append(matches(text, None, match).fill_null(False))
        else:
            held.append(ibis.literal(False))
    rows = rows.filter(held)
    return rows.select(item_kind=ibis.literal(kind), item_id=rows[table.key[0]])
