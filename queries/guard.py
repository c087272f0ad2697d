"""Refuses what a read-only connection still lets through: the reading and writing of files.

The engines themselves refuse to change the graph in read mode; yet LadybugDB then still runs
`COPY ... TO`, `EXPORT DATABASE` and `LOAD FROM`, and Neo4j `LOAD CSV`. So the text is looked at
before it is run, with comments, strings and quoted names taken out of it.
"""

import re

from followsuit.graph.store import QueryError

REFUSED = ("LOAD", "COPY", "EXPORT", "IMPORT", "ATTACH", "INSTALL")
ALLOWED_CALLS = (
    "current_setting",
    "db.labels",
    "db.propertykeys",
    "db.relationshiptypes",
    "db_version",
    "dbms.components",
    "show_functions",
    "show_indexes",
    "show_tables",
    "table_info",
)
"""Procedures that only describe the graph."""

# What hides text from the clauses. Engines differ on whether a backslash escapes a quote, so both
# readings are tried: what either takes for a clause is refused.
_ESCAPED = re.compile(
    r"""/\*.*?(?:\*/|\Z) | //[^\n\r]* | `(?:[^`]|``)*` | '(?:\\.|[^'\\])*' | "(?:\\.|[^"\\])*" """,
    re.DOTALL | re.VERBOSE,
)
_PLAIN = re.compile(
    r"""/\*.*?(?:\*/|\Z) | //[^\n\r]* | `[^`]*` | '[^']*' | "[^"]*" """, re.DOTALL | re.VERBOSE
)
# A word after a dot, a colon or a dollar sign is a property, a label or a parameter.
_CLAUSE = re.compile(r"(?<![\w.:$])\s*\b(" + "|".join(REFUSED) + r")\b(?!\s*[:.])", re.IGNORECASE)
_CALL = re.compile(r"(?<![\w.:$])\bCALL\b\s*([\w.]*)\s*(\(|\{)?", re.IGNORECASE)


def check_reads_only(cypher: str) -> None:
    """Raise QueryError where a query could reach beyond the graph.

    The query may still try to change the graph: that is refused by the engine.
    """
    if re.search(r"\\u", cypher, re.IGNORECASE):
        raise QueryError(
            "A query here may not hold \\u escapes, which can hide a clause. Pass the text as a "
            "parameter."
        )
    for hidden in (_ESCAPED, _PLAIN):
        text = hidden.sub(" ' ", cypher)
        if found := _CLAUSE.search(text):
            raise QueryError(
                f"{found[1].upper()} reads or writes outside the graph and is refused here."
            )
        for call in _CALL.finditer(text):
            _check_call(call[1], call[2])


def _check_call(name: str, opening: str | None) -> None:
    subquery = not name and opening is not None
    if not subquery and name.lower() not in ALLOWED_CALLS:
        raise QueryError(
            f"CALL {name or 'of a quoted name'} is refused here; allowed are "
            f"{', '.join(ALLOWED_CALLS)}, and subqueries."
        )
