"""A DuckDB backend of Ibis that compiles expressions of one shape once.

On few rows, Ibis takes longer to compile an expression than DuckDB to run it, and `score` asks for
the same expressions as of each day of its training set. Two expressions have the same shape if they
differ only in their temporary tables, instants and long numbers, such as seconds since 1970. The
text of the first, with these replaced, is the text of the second.
"""

import re
from collections.abc import Mapping
from typing import Any

import ibis.expr.operations as ops
import ibis.expr.types as ir
from ibis.backends.duckdb import Backend
from ibis.common.graph import Node

_KEPT = 1000
"""How many texts to keep."""
_LONG = 10
"""Numbers written in at least this many characters are variables; shorter ones are ambiguous."""
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_NUMBER = re.compile(r"-?[0-9.]+")
_Text = tuple[str | int, ...]
"""Parts of a text: SQL, and positions in a shape's variables."""

TEXTS: dict[tuple[Any, ...], _Text | None] = {}
"""The text of each shape; None if it can't be taken apart."""


class CompiledOnce(Backend):  # type: ignore[misc]  # ibis has no types
    """DuckDB, with the texts of all expressions that this process has compiled."""

    def compile(
        self,
        expr: ir.Expr,
        /,
        *,
        limit: int | None = None,
        params: Mapping[ir.Expr, Any] | None = None,
        pretty: bool = False,
    ) -> str:
        """Compile an expression to SQL."""
        if limit is not None or params or pretty:
            return str(super().compile(expr, limit=limit, params=params, pretty=pretty))
        shape = _Shape(expr.as_table().op())
        values = [self._written(node) for node in shape.variables]
        if shape.key in TEXTS:
            if (text := TEXTS[shape.key]) is not None:
                return "".join(p if isinstance(p, str) else values[p] for p in text)
            return str(super().compile(expr))
        sql = str(super().compile(expr))
        if len(TEXTS) == _KEPT:
            del TEXTS[next(iter(TEXTS))]
        TEXTS[shape.key] = _taken_apart(sql, values)
        return sql

    def create(self, name: str, rows: ir.Table) -> None:
        """Create a table of rows; `create_table` also asks for the database's own names."""
        columns = rows.schema().to_sqlglot_column_defs(self.dialect)
        types = ", ".join(column.sql(self.dialect) for column in columns)
        self.raw_sql(f'CREATE TABLE "{name}" ({types})')
        self.add(name, rows)

    def add(self, name: str, rows: ir.Table) -> None:
        """Add rows to a table; `insert` compiles them twice."""
        self._run_pre_execute_hooks(rows)
        self.raw_sql(f'INSERT INTO "{name}" {self.compile(rows)}')

    def _run_pre_execute_hooks(self, expr: ir.Expr) -> None:
        # They only do something about these, and look for each by a walk of its own.
        if expr.op().find((ops.InMemoryTable, ops.ScalarUDF)):
            super()._run_pre_execute_hooks(expr)

    def _written(self, node: ops.PhysicalTable | ops.Literal) -> str:
        """How a variable is written in SQL."""
        if isinstance(node, ops.Literal):
            literal = self.compiler.visit_Literal(node, value=node.value, dtype=node.dtype)
            return str(literal.sql(dialect=self.dialect))
        return str(node.name)


class _Shape:
    """The shape of an expression.

    Attributes:
        key: the same for the same shapes.
        variables: the temporary tables, instants and long numbers.
    """

    def __init__(self, root: Node) -> None:
        self.variables: list[ops.PhysicalTable | ops.Literal] = []
        self._places: dict[Any, int] = {}
        self._known: dict[int, int] = {}
        self._nodes: list[tuple[Any, ...]] = []
        self._add(root)
        self.key = tuple(self._nodes)

    def _add(self, node: Node) -> int:
        """The number of a node, which comes after the numbers of those below it."""
        if (number := self._known.get(id(node))) is not None:
            return number
        kind = type(node)
        parts: tuple[Any, ...]
        if kind is ops.Literal and node.value is not None and node.dtype.is_temporal():
            place = self._variable((node.value.isoformat(), node.dtype), node)
            parts = (kind, place, node.dtype)
        elif kind is ops.Literal and node.dtype.is_numeric() and len(str(node.value)) >= _LONG:
            parts = (kind, self._variable(str(node.value), node), node.dtype)
        elif kind in (ops.DatabaseTable, ops.InMemoryTable) and node.name.startswith("ibis_"):
            namespace = getattr(node, "namespace", None)
            parts = (kind, self._variable(node.name, node), node.schema, namespace)
        elif isinstance(node, ops.Reference):
            place = self._places.setdefault((kind, node.identifier), len(self._places))
            parts = (kind, self._add(node.parent), place)
        elif kind is ops.DatabaseTable:
            parts = (kind, node.name, node.schema, node.namespace)
        else:
            parts = (kind, *(self._part(arg) for arg in node.__args__))
        number = self._known[id(node)] = len(self._nodes)
        self._nodes.append(parts)
        return number

    def _part(self, arg: Any) -> Any:
        if isinstance(arg, Node):
            return (Node, self._add(arg))
        if isinstance(arg, tuple):
            return tuple([self._part(each) for each in arg])
        if isinstance(arg, dict):
            return tuple([(self._part(k), self._part(v)) for k, v in arg.items()])
        return arg

    def _variable(self, value: Any, node: ops.PhysicalTable | ops.Literal) -> int:
        """The position of a variable among all."""
        place = self._places.get(value)
        if place is None:
            place = self._places[value] = len(self.variables)
            self.variables.append(node)
        return place


def _taken_apart(sql: str, values: list[str]) -> _Text | None:
    """The parts of a text, or None if a value isn't in it as it is written alone."""
    if any(value not in sql for value in values):
        return None
    numbers = [value for value in values if _NUMBER.fullmatch(value)]
    for quoted in _QUOTED.findall(sql):
        if "MAKE_" in quoted.upper() or any(number in quoted for number in numbers):
            return None  # A name or text could look like an instant or a number.
    if not values:
        return (sql,)
    place = {value: number for number, value in enumerate(values)}
    pattern = "|".join(re.escape(value) for value in sorted(values, key=len, reverse=True))
    parts = re.split(f"({pattern})", sql)
    return tuple(place[part] if n % 2 else part for n, part in enumerate(parts))
