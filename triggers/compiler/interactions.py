"""The interactions that conditions are about, with the columns of their products and stores."""

from decimal import Decimal

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from followsuit.graph import tables as t
from followsuit.graph.schema import Col
from followsuit.graph.tables import Kind, Table
from followsuit.graph.views.history import is_return
from followsuit.graph.views.view import View
from followsuit.triggers.definitions.kinds import Same, event_kind, table_of
from followsuit.triggers.definitions.values import Bounds, Match, Where

ABOUT = "about"
"""The column with what an interaction is about."""
_OF: dict[Table, str] = {t.PRODUCTS: "product", t.STORES: "store"}
_EXACT = "decimal(38, 9)"


@ibis.udf.scalar.builtin(name="json_extract_string")  # type: ignore[untyped-decorator]
def _json_text(value: dt.string, pointer: dt.string) -> dt.string:
    """The value at a JSON pointer as text; null if there is none."""


def json_value(attributes: ir.StringValue, name: str) -> ir.StringValue:
    """A kept attribute as text; null where a row has none."""
    pointer = "/" + name.replace("~", "~0").replace("/", "~1")
    return _json_text(attributes, pointer)


class Interactions:
    """The interactions of one kind, up to a view's instant.

    Args:
        view: the view with the interactions.
        kind: the kind of interaction, see `definition`.
        returns: whether returned purchases are in it too.

    Attributes:
        view: the view.
        rows: the interactions, in the columns of their table and of what was joined to it.
    """

    def __init__(self, view: View, kind: str, *, returns: bool = False) -> None:
        self.view = view
        self._kind = kind
        self._table = table_of(kind)
        rows = view.interactions_in(self._table, returns=returns)
        if self._table is t.EVENTS:
            rows = rows.filter(rows.kind == event_kind(kind))
        self.rows = rows
        self._joined: set[Table] = set()

    def filter(self, where: Where) -> None:
        """Keep the rows whose columns match."""
        for name, match in where.items():
            held = self.matches(name, match)  # May join a table, which makes new rows.
            self.rows = self.rows.filter(held)

    def add(self, **columns: ir.Value) -> None:
        """Add columns to the rows."""
        self.rows = self.rows.mutate(**columns)

    @property
    def returned(self) -> ir.BooleanValue:
        """Whether each row is a return; only purchases can be."""
        if self._table is not t.PURCHASES:
            return ibis.literal(False)
        return is_return(self.rows)

    def values(self, name: str) -> list[tuple[ir.Value, Kind | None]]:
        """A column's values with their kinds: of the interaction, its product and its store.

        The first one that isn't null counts. A kept attribute counts as a column of its table; its
        kind is None.

        Args:
            name: the column; `product.NAME` and `store.NAME` are columns of one table alone.
        """
        of, _, column = name.rpartition(".")
        if of not in _OF.values():
            of, column = "", name
        columns: list[tuple[str, Kind | None]] = []
        for table, prefix in {self._table: "", **_OF}.items():
            if (of and of != prefix) or (prefix and table.key[0] not in self._columns):
                continue
            field = next((f for f in table.fields if f.name == column), None)
            if field is None and not _keeps_attributes(table):
                continue
            if prefix:
                self._join(table)
            columns.append((prefix, None if field is None else field.kind))
            if field is not None and (field.required or field.kind is Kind.ID):
                break  # It is never null, or names another row.
        return [(self._value(prefix, column, kind), kind) for prefix, kind in columns]

    def _value(self, prefix: str, column: str, kind: Kind | None) -> ir.Value:
        place = f"{prefix}." if prefix else ""
        if kind is None:
            return json_value(self.rows[f"{place}{Col.ATTRIBUTES}"], column)
        return self.rows[f"{place}{column}"]

    def matches(self, name: str, match: Match) -> ir.BooleanValue:
        """Whether a column matches a value, one of several values, or bounds; null is no match."""
        values = self.values(name)
        held = [(value.notnull(), matches(value, kind, match)) for value, kind in values]
        return ibis.cases(*held, else_=False).fill_null(False)

    def number(self, name: str) -> ir.NumericValue:
        """A column as exact numbers, which add up to the same sum in any order.

        Money is in minor units. What isn't a number is null.
        """
        values = self.values(name)
        if all(kind is Kind.MONEY for _, kind in values):
            return ibis.coalesce(*(value for value, _ in values))
        in_minor = any(kind is Kind.MONEY for _, kind in values)
        numbers = []
        for value, kind in values:
            exact = value.try_cast(_EXACT)
            numbers.append(exact * 100 if in_minor and kind is not Kind.MONEY else exact)
        return ibis.coalesce(*numbers)

    def about(self, same: Same) -> ir.StringValue:
        """The product, category, brand or store of each row; null where unknown."""
        if same in ("product", "store"):
            return self.rows[f"{same}_id"]
        return self._of_items(same)

    def city(self) -> ir.StringValue:
        """The city of each row: its own, else that of its store; null where unknown."""
        of_store = self._of_items(Col.CITY)
        own = Col.CITY in self._columns
        return ibis.coalesce(self.rows[Col.CITY], of_store) if own else of_store

    def _of_items(self, column: str) -> ir.StringValue:
        """A column of the contract of each row's product, else of its store."""
        tables = [
            table
            for table in _OF
            if table.key[0] in self._columns and column in {f.name for f in table.fields}
        ]
        for table in tables:
            self._join(table)
        return ibis.coalesce(*(self.rows[f"{_OF[table]}.{column}"] for table in tables))

    @property
    def _columns(self) -> set[str]:
        return {field.name for field in self._table.fields}

    def _join(self, table: Table) -> None:
        """Add the columns of the rows' products or stores, named as in `product.category`."""
        if table in self._joined:
            return
        self._joined.add(table)
        of = _OF[table]
        rows = self.view.table(table)
        key = table.key[0]
        renamed = rows.rename({f"{of}.{name}": name for name in rows.columns})
        self.rows = self.rows.left_join(renamed, self.rows[key] == renamed[f"{of}.{key}"])


def _keeps_attributes(table: Table) -> bool:
    return any(field.kind is Kind.ATTRIBUTES for field in table.fields)


def matches(value: ir.Value, kind: Kind | None, match: Match) -> ir.BooleanValue:
    """Whether values match.

    Args:
        value: the values of a column.
        kind: the kind of the column; None for an attribute, whose values are text.
        match: a value, one of several values, or bounds; money in major units.
    """
    if isinstance(match, Bounds):
        number = value.try_cast("float64") if kind is None else value
        held = [number >= _number(match.at_least, kind)] if match.at_least is not None else []
        held += [number <= _number(match.at_most, kind)] if match.at_most is not None else []
        return ibis.and_(*held)
    wanted = match if isinstance(match, tuple) else (match,)
    if kind is None:
        return ibis.or_(*(_is_attribute(value, each) for each in wanted))
    return value.isin([_literal(each, kind) for each in wanted])


def _is_attribute(value: ir.Value, wanted: bool | float | str) -> ir.BooleanValue:
    if isinstance(wanted, bool):
        return value.lower() == str(wanted).lower()
    if isinstance(wanted, str):
        return value == wanted
    return value.try_cast("float64") == float(wanted)


def _literal(value: bool | float | str, kind: Kind) -> bool | float | str:
    if kind in (Kind.MONEY, Kind.NUMBER):
        return _number(float(value), kind)
    if kind is Kind.BOOLEAN:
        return value
    text = str(value)
    if kind is Kind.CODE:
        return text.lower()
    return text.upper() if kind is Kind.CURRENCY else text


def _number(value: float | None, kind: Kind | None) -> float:
    """A bound in the units of the column: money is stored in minor units."""
    assert value is not None
    if kind is Kind.MONEY:
        return float(Decimal(str(value)) * 100)
    return float(value)


def minor_units(value: float | None, kind: Kind | None) -> float | None:
    """A threshold of a sum in the units of its column."""
    return None if value is None else _number(value, kind)


def shop_currency(view: View) -> str | None:
    """The currency of the most purchases; None if no purchase names one."""
    rows = view.table(t.PURCHASES)
    rows = rows.filter(rows.currency.notnull())
    counts = rows.group_by("currency").aggregate(n=rows.count())
    first = counts.order_by(ibis.desc("n"), "currency").limit(1).to_pyarrow()["currency"]
    return first[0].as_py() if len(first) else None
