"""Where a delivery's tables lie: the files of a folder, or the tables of a database."""

import re
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy
from sqlalchemy import exc

from followsuit.graph.errors import FollowsuitError
from followsuit.graph.tables import TABLES, Table
from followsuit.loaders.mapping import Mapping, TableMapping

SUFFIXES = tuple(
    f".{kind}{gz}" for kind in ("csv", "tsv", "jsonl", "parquet") for gz in ("", ".gz")
)


class DeliveryError(FollowsuitError):
    """A delivery, or a file of it, that can't be read; nothing of it has been loaded."""


@dataclass(frozen=True)
class Source:
    """Where one table comes from: files in order, or a table of a database."""

    table: Table
    mapping: TableMapping
    files: tuple[Path, ...] = ()
    database: sqlalchemy.Engine | None = None

    @property
    def names(self) -> list[str]:
        """What its parts are called in messages and rejects."""
        return [path.name for path in self.files] or [self.mapping.table or self.table.name]


@dataclass(frozen=True)
class Delivery:
    """A folder or database, and the tables found in it in the contract's order."""

    name: str
    """As an absolute path or URL, without a password."""
    sources: tuple[Source, ...]
    ignored: tuple[str, ...] = ()
    """Files that look like tables but are none of the contract's."""

    def fingerprint(self) -> str | None:
        """Changes when a file or the mapping does; None where that can't be known."""
        if any(source.database for source in self.sources):
            return None
        stats = [(p, p.stat()) for source in self.sources for p in source.files]
        files = [(str(p), s.st_size, s.st_mtime_ns) for p, s in stats]
        return repr((self.name, [s.mapping for s in self.sources], files))


def find_delivery(place: str, mapping: Mapping) -> Delivery:
    """Find the tables of a delivery.

    Args:
        place: a folder that holds `TABLE.(csv|tsv|jsonl|parquet)[.gz]` or folders `TABLE/` of such
            parts, or an SQLAlchemy URL of a database that holds tables of these names.
        mapping: what is named otherwise.

    Raises:
        DeliveryError: there is no such folder, file or table, or no table at all.
    """
    delivery = _in_database(place, mapping) if "://" in place else _in_folder(place, mapping)
    if not delivery.sources:
        raise DeliveryError(
            f"{delivery.name} holds no table. followsuit looks for {', '.join(TABLES)}, as .csv, "
            ".tsv, .jsonl or .parquet files or database tables; name others in a --mapping."
        )
    return delivery


def _in_folder(place: str, mapping: Mapping) -> Delivery:
    folder = Path(place).expanduser().resolve()
    if not folder.is_dir():
        raise DeliveryError(f"There is no folder {folder}. Name the folder of the delivery.")
    sources = []
    for table in TABLES.values():
        mapped = mapping.tables.get(table.name, TableMapping())
        files = _named(folder, table, mapped.file) if mapped.file else _found(folder, table)
        if files:
            sources.append(Source(table, mapped, files))
    known = {p for source in sources for file in source.files for p in (file, file.parent)}
    ignored = sorted(p.name for p in folder.iterdir() if p not in known and _like_table(p))
    return Delivery(str(folder), tuple(sources), () if mapping.tables else tuple(ignored))


def _like_table(path: Path) -> bool:
    """Whether somebody may take a file for a table of the delivery."""
    name = path.name.lower()
    return name.endswith(SUFFIXES) or name.partition(".")[0] in TABLES


def _named(folder: Path, table: Table, name: str) -> tuple[Path, ...]:
    path = folder / name
    if not path.exists():
        raise DeliveryError(
            f"The mapping takes {table.name} from {name}, but {folder} has no such file."
        )
    return _parts(path) if path.is_dir() else (path,)


def _found(folder: Path, table: Table) -> tuple[Path, ...]:
    found = [p for s in SUFFIXES if (p := folder / f"{table.name}{s}").is_file()]
    parts = folder / table.name
    if parts.is_dir():
        found.append(parts)
    if len(found) > 1:
        raise DeliveryError(
            f"{folder} holds {table.name} more than once: {', '.join(p.name for p in found)}. "
            "Keep one of them."
        )
    return _parts(found[0]) if found and found[0].is_dir() else tuple(found)


def _parts(folder: Path) -> tuple[Path, ...]:
    """A table's parts, in the order of the numbers in their names: part-2 before part-10."""
    # Hidden files are what a file system or another program notes beside the parts.
    files = [p for p in folder.iterdir() if p.name.endswith(SUFFIXES) and p.name[0] != "."]
    if not files:
        raise DeliveryError(f"{folder} holds no .csv, .tsv, .jsonl or .parquet file.")
    return tuple(
        sorted(
            files, key=lambda p: [int(x) if x.isdigit() else x for x in re.split(r"(\d+)", p.name)]
        )
    )


def _in_database(url: str, mapping: Mapping) -> Delivery:
    try:
        engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
        # Some drivers take a password after the question mark.
        name = engine.url.set(query={}).render_as_string(hide_password=True)
        _require_file(engine.url)
        inspector = sqlalchemy.inspect(engine)
        existing = set(inspector.get_table_names()) | set(inspector.get_view_names())
        sources = []
        for table in TABLES.values():
            mapped = mapping.tables.get(table.name, TableMapping())
            if mapped.table is not None and not _has_table(inspector, mapped.table):
                raise DeliveryError(
                    f"The mapping takes {table.name} from {mapped.table}, but {name} has no such "
                    "table."
                )
            if mapped.table is not None or table.name in existing:
                sources.append(Source(table, mapped, database=engine))
    except (exc.ArgumentError, ModuleNotFoundError, ValueError) as error:
        scheme = url.partition("://")[0]
        raise DeliveryError(
            f"No database of kind {scheme} can be opened here ({type(error).__name__}). Name a "
            "folder, or an SQLAlchemy URL whose driver is installed."
        ) from error
    except exc.SQLAlchemyError as error:
        raise DeliveryError(
            f"The database {name} can't be read "
            f"({type(error).__name__}). See that it runs, and its name and login."
        ) from error
    return Delivery(name, tuple(sources))


def _require_file(url: sqlalchemy.URL) -> None:
    """SQLite would make a database that is not there."""
    name = url.database or ""
    local = url.get_backend_name() == "sqlite" and not name.startswith("file:")
    if local and not Path(name).is_file():
        raise DeliveryError(f"There is no database file {name!r}. Name one that exists.")


def _has_table(inspector: sqlalchemy.Inspector, name: str) -> bool:
    schema, _, table = name.rpartition(".")
    return inspector.has_table(table, schema or None)
