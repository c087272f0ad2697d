"""The SQL of a mapping's grammar: templates, conditions, attributes, texts that mean something."""

from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.types as pt

from followsuit.core.text import nfc
from followsuit.loaders.column_mapping import ColumnMapping
from followsuit.loaders.mapping import Condition

_SHOWN = 3
"""How many texts of a condition to print."""
_BLANK = "[ \u00a0\u202f]*"


def quoted(name: str) -> str:
    """A name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A text in SQL."""
    return "'" + value.replace("'", "''") + "'"


def is_text(kind: pa.DataType) -> bool:
    """Whether a source column holds text."""
    return bool(pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind))


def as_text(kind: pa.DataType, raw: str) -> str:
    """The SQL of a source value as text."""
    if pt.is_floating(kind):
        # Write a whole number that came as a float (from a column with gaps) without its point.
        whole = f"CASE WHEN {raw} = trunc({raw}) THEN try_cast({raw} AS BIGINT) END"
        return f"CASE WHEN isfinite({raw}) THEN coalesce({whole}::VARCHAR, {raw}::VARCHAR) END"
    return f"{raw}::VARCHAR"


def template(parts: Sequence[str], cells: Sequence[str]) -> str:
    """The SQL of a template: missing cells are left out, with one of the blanks beside them.

    Args:
        parts: text and names in turn, text first.
        cells: the SQL of the named cells as text, in order.
    """
    fixed = parts[::2]
    pieces = [literal(fixed[0])]
    for cell, after in zip(cells, fixed[1:], strict=True):
        pieces += [f"coalesce({cell}, '')", literal(after)]
    joined = f"trim(regexp_replace({' || '.join(pieces)}, ' +', ' ', 'g'))"
    return f"CASE WHEN coalesce({', '.join(cells)}) IS NOT NULL THEN {joined} END"


def word(value: str) -> str:
    """A text as `folded_word` gives it: case and outer blanks folded."""
    return literal(nfc(nfc(value).strip().lower()))


def one_of(cell: str, texts: Iterable[str]) -> str:
    """The SQL condition that a text means one of others."""
    return f"nfc_normalize(lower(trim({cell}))) IN ({', '.join(map(word, texts))})"


def unmet(condition: Condition, cell: str) -> list[tuple[str, str]]:
    """The reasons why a cell, as text, doesn't meet a mapping's `where`: in words and in SQL."""
    full = f"coalesce({cell}, '')"
    reasons = []
    if condition.one_of is not None:
        reasons.append(
            (f"isn't {_any_of(condition.one_of)}", f"NOT {one_of(full, condition.one_of)}")
        )
    if condition.none_of is not None:
        reasons.append((f"is {_any_of(condition.none_of)}", one_of(full, condition.none_of)))
    if condition.empty is not None:
        words = "isn't empty" if condition.empty else "is empty"
        reasons.append((words, f"(trim({full}) = '') <> {condition.empty}"))
    return reasons


def _any_of(texts: Sequence[str]) -> str:
    """`void`, or `one of void, test`, shortened."""
    shown = [text.strip() or "empty" for text in texts[:_SHOWN]] + ["…"] * (len(texts) > _SHOWN)
    return f"{'one of ' if len(texts) > 1 else ''}{', '.join(shown)}"


def code(mapping: ColumnMapping, cell: str) -> str:
    """The SQL of a code; a text that the mapping doesn't list is the code itself."""
    cases = [
        f"WHEN {one_of(cell, texts)} THEN {word(name)}"
        for name, texts in (mapping.codes or {}).items()
    ]
    plain = f"nfc_normalize(lower({cell}))"
    return f"CASE {' '.join(cases)} ELSE {plain} END" if cases else plain


def boolean(mapping: ColumnMapping, cell: str) -> str:
    """The SQL of a boolean: the mapping's texts, and true, false, 1 or 0."""
    yes, no = list(mapping.true or ()), list(mapping.false or ())
    known = {each.strip().casefold() for each in (*yes, *no)}
    yes += [each for each in ("true", "1") if each not in known]
    no += [each for each in ("false", "0") if each not in known]
    return f"CASE WHEN {one_of(cell, yes)} THEN TRUE WHEN {one_of(cell, no)} THEN FALSE END"


def plain_number(mapping: ColumnMapping, cell: str) -> str:
    """The SQL of a number's text without currency signs and well-placed thousands signs."""
    for symbol in mapping.symbol or ():
        sign = "".join(f"[{c}]" if c not in "^\\[]" else f"\\{c}" for c in nfc(symbol).strip())
        before = literal(rf"^([+-]?){_BLANK}{sign}{_BLANK}")
        after = literal(rf"{_BLANK}{sign}$")
        cell = f"regexp_replace(regexp_replace({cell}, {before}, '\\1'), {after}, '')"
    if mapping.thousands is None:
        return cell
    signs = "[ \u00a0\u202f]" if mapping.thousands == " " else f"[{mapping.thousands}]"
    point = f"[{mapping.decimal or '.'}]"
    shape = literal(rf"[+-]?[0-9]{{1,3}}({signs}[0-9]{{3}})+({point}[0-9]*)?")
    return (
        f"CASE WHEN regexp_full_match({cell}, {shape}) "
        f"THEN regexp_replace({cell}, {literal(signs)}, '', 'g') ELSE {cell} END"
    )


def folded(cell: str) -> str:
    """The SQL of a text that a lookup compares: no case, no blanks."""
    return f"nfc_normalize(lower(regexp_replace({cell}, '[\\s\u00a0]+', '', 'g')))"


def json_object(cells: Sequence[tuple[str, str]]) -> str:
    """The SQL of a JSON object with the cells that aren't empty, by name.

    Args:
        cells: name and SQL, as text, of each cell.
    """
    entries = ", ".join(f"{{k: {literal(name)}, v: {cell}}}" for name, cell in sorted(cells))
    filled = f"[e FOR e IN [{entries}] IF e.v IS NOT NULL]"
    values = ", ".join(cell for _, cell in cells)
    return (
        f"CASE WHEN coalesce({values}) IS NOT NULL "
        f"THEN to_json(map_from_entries({filled}))::VARCHAR END"
    )


def times(money: str, mapping: ColumnMapping, factor: str) -> str:
    """The SQL of an amount in minor units multiplied by a cell; NULL if the cell isn't a number."""
    number = f"replace({factor}, ',', '.')" if mapping.decimal == "," else factor
    product = f"({money})::DECIMAL(18, 0) * try_cast({number} AS DECIMAL(18, 6))"
    return f"try_cast(round_even({product}, 0) AS BIGINT)"
