"""JSON lines: one object on each line."""

import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from followsuit.loaders.reading import (
    BULK,
    HAS,
    LONGEST_ROW,
    Batches,
    OnFault,
    Reader,
    plain_bytes,
    row_too_long,
    with_rows,
)
from followsuit.loaders.rejects import Reject
from followsuit.loaders.sources import DeliveryError, Source

_Numbered = tuple[int, dict[str, Any]]


def open_json_lines(path: Path, source: Source, on_fault: OnFault) -> Reader:
    """Open a file of JSON lines; lines that are no object go to `on_fault`.

    Numbers stay as written, as text; `row` is the number of the line.
    """
    encoding = source.mapping.encoding
    return Reader(
        _columns(path, encoding),
        lambda chosen: _read(path, encoding, chosen, on_fault),
        open_ended=True,
    )


def _columns(path: Path, encoding: str) -> list[str]:
    """The names that any of the first rows has: what is empty may be left out."""
    names: dict[str, None] = {}
    for number, line in _lines(path, encoding):
        names |= dict.fromkeys(_object(line) or {})
        if number >= BULK and names:
            break
    if not names:
        raise DeliveryError(f"{path.name} holds no JSON object. It needs one on each line.")
    return list(names)


def _read(path: Path, encoding: str, chosen: Sequence[str], on_fault: OnFault) -> Batches:
    bulk: list[_Numbered] = []
    size = 0
    for number, line in _lines(path, encoding):
        row = _object(line)
        if row is None:
            on_fault(Reject(path.name, number, None, "is no JSON object"))
        elif nested := next((n for n in chosen if isinstance(row.get(n), dict | list)), None):
            on_fault(Reject(path.name, number, nested, "is no single value", cells=row))
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
            found = line.removeprefix("\ufeff") if number == 1 else line
            if not found.isspace():
                yield number, found


def _object(line: str) -> dict[str, Any] | None:
    try:
        # Numbers stay as written: an amount 19.990 must not become a float.
        value = json.loads(line, parse_float=str, parse_int=str)
        if "\\ud" in line.lower():
            # Half a pair of surrogates is no text, though Python's JSON takes it.
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _batch(bulk: Sequence[_Numbered], names: Sequence[str]) -> pa.RecordBatch:
    columns = [pa.array([_text(row.get(n)) for _, row in bulk], pa.string()) for n in names]
    # A key that an object does not have says nothing; one that is null says: empty.
    has = [sum(1 << i for i, n in enumerate(names) if n in row) for _, row in bulk]
    columns.append(pa.array(has, pa.int64()))
    batch = pa.RecordBatch.from_arrays(columns, [*names, HAS])
    return with_rows(batch, [number for number, _ in bulk])


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)
