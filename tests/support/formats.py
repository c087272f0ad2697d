"""The same rows in every format that a delivery may have."""

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy
from support.deliveries import Rows


def _delimited(path: Path, rows: Rows, delimiter: str) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def _json_lines(path: Path, rows: Rows) -> None:
    path.write_text("\n".join(json.dumps(row) for row in rows))


def _parquet(path: Path, rows: Rows) -> None:
    names = list(rows[0])
    columns = {name: pa.array([row[name] for row in rows], pa.string()) for name in names}
    pq.write_table(pa.table(columns), path, row_group_size=3)


def _packed(write: Callable[[Path, Rows], None]) -> Callable[[Path, Rows], None]:
    def pack(path: Path, rows: Rows) -> None:
        plain = path.with_suffix("")
        write(plain, rows)
        path.write_bytes(gzip.compress(plain.read_bytes()))
        plain.unlink()

    return pack


_WRITERS: dict[str, Callable[[Path, Rows], None]] = {
    "csv": lambda path, rows: _delimited(path, rows, ","),
    "tsv": lambda path, rows: _delimited(path, rows, "\t"),
    "jsonl": _json_lines,
    "parquet": _parquet,
}
_WRITERS |= {f"{suffix}.gz": _packed(write) for suffix, write in _WRITERS.items()}

FORMATS = (*_WRITERS, "sql")


def deliver_as(form: str, folder: Path, table: str, rows: Rows) -> str:
    """Write a table of text (None is an empty cell) in a format; what `load` takes as its place."""
    folder.mkdir(parents=True, exist_ok=True)
    if form != "sql":
        _WRITERS[form](folder / f"{table}.{form}", rows)
        return str(folder)
    url = f"sqlite:///{folder}/delivery.db"
    engine = sqlalchemy.create_engine(url)
    columns = [sqlalchemy.Column(name, sqlalchemy.Text) for name in rows[0]]
    made = sqlalchemy.Table(table, sqlalchemy.MetaData(), *columns)
    made.create(engine)
    with engine.begin() as connection:
        connection.execute(made.insert(), [dict(row) for row in rows])
    engine.dispose()
    return url
