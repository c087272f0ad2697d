"""JSON lines: one object on each line."""

import io
import json
from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal, DecimalException
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from followsuit.loaders.readers.batches import (
    BULK,
    HAS,
    LONGEST_ROW,
    Batches,
    OnFault,
    Reader,
    alike,
    number_text,
    plain_bytes,
    row_too_long,
    with_rows,
)
from followsuit.loaders.sources import DeliveryError, Source
from followsuit.loaders.staging.rejects import Reject

_DIGITS = 40
"""A whole number with more digits than this keeps its exponent."""

_Numbered = tuple[int, dict[str, Any]]


def open_json_lines(path: Path, source: Source, on_fault: OnFault) -> Reader:
    """Open a file of JSON lines.

    Numbers become text, in the shortest form with the same value; `NaN` and `Infinity` are missing.
    `row` is the line number.

    Args:
        path: the file.
        source: the source that the file belongs to.
        on_fault: called with each line that isn't an object of single values.

    Raises:
        DeliveryError: the file holds no object, or a line is longer than LONGEST_ROW.
    """
    encoding = source.encoding
    return Reader(
        _columns(path, encoding),
        lambda chosen, nested: _read(path, encoding, chosen, nested, on_fault),
        open_ended=True,
    )


def _columns(path: Path, encoding: str) -> list[str]:
    """The names in any of the first rows, because rows may omit empty columns."""
    names: dict[str, None] = {}
    number = 0
    for number, line in _lines(path, encoding):
        names |= dict.fromkeys(_object(line) or {})
        if number >= BULK and names:
            break
    if number and not names:
        raise DeliveryError(f"{path.name} holds no JSON object. It needs one on each line.")
    return list(names)


def _read(
    path: Path, encoding: str, chosen: Sequence[str], nested: Collection[str], on_fault: OnFault
) -> Batches:
    @lru_cache
    def places(keys: tuple[str, ...]) -> dict[str, list[str]]:
        """The keys of an object that match each chosen column."""
        matches = {name: alike(name, keys) for name in chosen}
        return {name: same for name, same in matches.items() if same}

    single = [name for name in chosen if name not in nested]
    bulk: list[_Numbered] = []
    size = 0
    for number, line in _lines(path, encoding):
        record = _object(line)
        if record is None:
            on_fault(Reject(path.name, number, None, "isn't a JSON object"))
            continue
        keys = places(tuple(record))
        row = {name: record[same[0]] for name, same in keys.items()}
        if twice := next((n for n, same in keys.items() if len(same) > 1), None):
            on_fault(Reject(path.name, number, twice, "is given more than once", cells=row))
        elif faulty := next((n for n in single if isinstance(row.get(n), dict | list)), None):
            on_fault(Reject(path.name, number, faulty, "isn't a single value", cells=row))
        else:
            bulk.append((number, row))
            size += len(line)
        if len(bulk) == BULK or size > 4 * LONGEST_ROW:
            yield _batch(bulk, chosen)
            bulk, size = [], 0
    if bulk:
        yield _batch(bulk, chosen)


def _lines(path: Path, encoding: str) -> Iterator[tuple[int, str]]:
    with plain_bytes(path) as stream:
        text = io.TextIOWrapper(stream, encoding)
        number = 0
        while line := text.readline(LONGEST_ROW):
            if len(line) == LONGEST_ROW:
                raise row_too_long(path.name)
            number += 1
            content = line.removeprefix("\ufeff") if number == 1 else line
            if not content.isspace():
                yield number, content


def _object(line: str) -> dict[str, Any] | None:
    try:
        # An amount such as 0.285 must not become a float.
        value = json.loads(
            line, parse_float=_shortest, parse_int=_whole, parse_constant=lambda _: None
        )
        if "\\ud" in line.lower():
            # An unpaired surrogate isn't valid text, though Python's JSON accepts it.
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _batch(bulk: Sequence[_Numbered], names: Sequence[str]) -> pa.RecordBatch:
    columns = [pa.array([_text(row.get(n)) for _, row in bulk], pa.string()) for n in names]
    # A missing key keeps the stored value; a null one empties it.
    has = [sum(1 << i for i, n in enumerate(names) if n in row) for _, row in bulk]
    columns.append(pa.array(has, pa.int64()))
    batch = pa.RecordBatch.from_arrays(columns, [*names, HAS])
    return with_rows(batch, [number for number, _ in bulk])


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _whole(text: str) -> str:
    return "0" if text == "-0" else text


def _shortest(text: str) -> str:
    """A number with a point or an exponent, in the shortest form of a float if that is exact."""
    value = float(text)
    short = repr(value)
    if short == text and "e" not in text:
        return _whole(text.removesuffix(".0"))
    try:
        exact = Decimal(text)
    except DecimalException:  # the exponent is too large
        return text
    same = Decimal(short) == exact
    if same and (abs(value) >= 2**63 or "e" in text.lower()):  # it was written as a float
        return number_text(value)
    if exact.adjusted() < _DIGITS and exact == (whole := exact.to_integral_value()):
        return _whole(format(whole, "f"))
    return short if same else text
