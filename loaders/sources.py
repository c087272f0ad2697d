"""Finds the tables of a delivery: files of a folder, or tables of a database."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import sqlalchemy
from sqlalchemy import exc

from followsuit.core.errors import FollowsuitError
from followsuit.graph.tables import TABLES, Table
from followsuit.loaders.mapping import Mapping, MappingError, TableMapping

SUFFIXES = (
    *(f".{kind}{gz}" for kind in ("csv", "tsv", "jsonl", "parquet") for gz in ("", ".gz")),
    ".xlsx",
)
"""Endings of readable files, in any case."""
_KINDS = ".csv, .tsv, .jsonl or .parquet (each also .gz) or .xlsx"
_PACKED = (".zip", ".7z", ".tar", ".tgz", ".bz2", ".xz", ".zst", ".ods", ".xls", ".xlsb", ".xlsm")
"""Endings of files that can't be read, whatever a mapping says."""
_BESIDE = (".md", ".md5", ".sha1", ".sha256", ".sha512", ".sig", ".asc")
"""Endings of files that often lie beside a table's files but hold no rows."""
_FOLDER_KEYS = ("file", "sheet", "header", "delimiter", "encoding")
"""Options of a mapping that apply only to files."""
_WITHOUT = {
    "header": (".jsonl", ".parquet"),
    "delimiter": (".jsonl", ".parquet", ".xlsx"),
    "encoding": (".parquet", ".xlsx"),
}
"""The endings of files that an option of a mapping doesn't apply to."""


class DeliveryError(FollowsuitError):
    """The delivery, or a file of it, can't be read; nothing has been loaded."""


@dataclass(frozen=True)
class Source:
    """The source of one table: files in order, or a table of a database."""

    table: Table
    mapping: TableMapping
    files: tuple[Path, ...] = ()
    database: sqlalchemy.Engine | None = None
    shared: bool = False
    """Whether other tables read the same file or database table."""

    @property
    def names(self) -> list[str]:
        """The names of the files, or of the database table, for messages and rejects."""
        return [path.name for path in self.files] or [self.mapping.table or self.table.name]

    @property
    def encoding(self) -> str:
        """The encoding of the text files."""
        return self.mapping.encoding or "utf-8"


def suffix_of(name: str) -> str:
    """The ending that names a file's format: `.csv` for `sales.CSV.gz`."""
    return Path(name.lower().removesuffix(".gz")).suffix


@dataclass(frozen=True)
class Delivery:
    """A folder or database, and the tables found in it in the contract's order."""

    name: str
    """The absolute path or URL, without a password."""
    sources: tuple[Source, ...]
    ignored: tuple[str, ...] = ()
    """Files that look like tables but aren't in the contract."""

    def fingerprint(self) -> str | None:
        """A digest that changes when a file or the mapping changes; None for a database."""
        if any(source.database for source in self.sources):
            return None
        stats = [(p, p.stat()) for source in self.sources for p in source.files]
        files = [(str(p), s.st_size, s.st_mtime_ns) for p, s in stats]
        return repr((self.name, [s.mapping for s in self.sources], files))


def find_delivery(place: str, mapping: Mapping) -> Delivery:
    """Find the tables of a delivery.

    Args:
        place: a folder that holds `TABLE.(csv|tsv|jsonl|parquet)[.gz]`, `TABLE.xlsx` or folders
            `TABLE/` of such parts, or an SQLAlchemy URL of a database with tables of these names.
        mapping: maps tables with other names.

    Raises:
        DeliveryError: the folder, a file or a table is missing; or a file looks like a table, or
            part of one, but can't be read.
        MappingError: the mapping has an option that doesn't apply to a folder, or to a database.
    """
    delivery = _in_database(place, mapping) if "://" in place else _in_folder(place, mapping)
    if not delivery.sources:
        raise DeliveryError(
            f"{delivery.name} holds no table. followsuit looks for {', '.join(TABLES)}, as .csv, "
            ".tsv, .jsonl, .parquet or .xlsx files or database tables. If they have other names, "
            "name them in a --mapping."
        )
    return delivery


def _in_folder(place: str, mapping: Mapping) -> Delivery:
    folder = Path(place).expanduser().resolve()
    if not folder.is_dir():
        raise DeliveryError(f"There is no folder {folder}. Name the folder of the delivery.")
    sources = []
    for table in TABLES.values():
        for mapped in mapping.of(table.name):
            if mapped.table is not None:
                raise MappingError(
                    f"tables.{table.name}.table: {folder} is a folder, not a database. Name a "
                    "`file`."
                )
            files = _named(folder, table, mapped.file) if mapped.file else _files_of(folder, table)
            if files:
                sources.append(Source(table, mapped, files))
                _require_used(sources[-1])
    known = {
        p.resolve() for source in sources for file in source.files for p in (file, file.parent)
    }
    left = [p for p in sorted(folder.iterdir()) if p.resolve() not in known and not _is_hidden(p)]
    for path in left:
        _refuse_near_miss(path, mapping)
    return Delivery(
        str(folder), _with_shared(sources), tuple(p.name for p in left if _like_table(p))
    )


def _with_shared(sources: list[Source]) -> tuple[Source, ...]:
    """The sources, marked if a file, sheet or database table of theirs gives several tables."""
    tables: dict[object, set[str]] = {}
    for source in sources:
        for place in _places(source):
            tables.setdefault(place, set()).add(source.table.name)
    return tuple(
        replace(source, shared=any(len(tables[place]) > 1 for place in _places(source)))
        for source in sources
    )


def _places(source: Source) -> list[tuple[object, str | None]]:
    """What a source reads: files or a database table, each with the sheet."""
    return [(place, source.mapping.sheet) for place in source.files or source.names]


def _require_used(source: Source) -> None:
    """Refuse options of a mapping that apply to none of the source's files."""
    kinds = {suffix_of(name) for name in source.names}
    useless = [key for key, without in _WITHOUT.items() if kinds <= {*without}]
    if ".xlsx" not in kinds:
        useless.append("sheet")
    for key in useless:
        if getattr(source.mapping, key) is not None:
            raise MappingError(
                f"tables.{source.table.name}.{key}: {source.names[0]} has no {key}. Leave it out."
            )


def _is_hidden(path: Path) -> bool:
    """Whether a file belongs to a file system or program, and not to the delivery."""
    return path.name.startswith((".", "~$")) or ".lbug" in path.suffixes


def _like_table(path: Path) -> bool:
    """Whether a file looks like a table of the delivery."""
    return path.name.lower().endswith(SUFFIXES) or _near(path.name) is not None


def _near(name: str) -> str | None:
    """The table whose name resembles a file's name: `Consents (1).csv`, `consent.txt`."""
    return _NEAR.get(_letters(name.partition(".")[0]))


def _letters(name: str) -> str:
    return re.sub(r"[\W\d_]", "", name.casefold()).removesuffix("s")


_NEAR = {_letters(name): name for name in TABLES}


def _refuse_near_miss(path: Path, mapping: Mapping) -> None:
    """Refuse a file that looks like a table but isn't read as one."""
    table = _near(path.name)
    if table is None or path.name.lower().endswith(_BESIDE):
        return
    if any(mapped.file is not None for mapped in mapping.of(table)):
        return  # the mapping names the table's file
    if not path.name.lower().endswith(SUFFIXES) and not path.is_dir():
        raise DeliveryError(
            f"{path.name} can't be read: it may hold {table}, which come as {_KINDS}. Convert "
            "it, or take the file out of the folder."
        )
    raise DeliveryError(
        f"{path.name} isn't the name of a table, and would be left out. Rename it to {table}"
        f"{'' if path.is_dir() else _ending(path)}, name it as the `file` of {table} in a "
        "--mapping, or take it out of the folder."
    )


def _ending(path: Path) -> str:
    return next(s for s in reversed(SUFFIXES) if path.name.lower().endswith(s))


def _named(folder: Path, table: Table, name: str) -> tuple[Path, ...]:
    path = folder / name
    if not path.exists():
        raise DeliveryError(
            f"The mapping takes {table.name} from {name}, but {folder} has no such file."
        )
    if path.name.lower().endswith((*_PACKED, ".xlsx.gz")):
        raise DeliveryError(f"{path.name} can't be read. Deliver {table.name} as {_KINDS}.")
    files = _parts(path) if path.is_dir() else (path,)
    inside = all(p.resolve().is_relative_to(folder) for p in (path, *files))
    if not inside and not Path(name).is_absolute():
        raise MappingError(
            f"tables.{table.name}.file: {name} leads out of {folder}. Give the absolute path if "
            "that is intended."
        )
    return files


def _files_of(folder: Path, table: Table) -> tuple[Path, ...]:
    """The files of a table, with endings in any case."""
    names = {f"{table.name}{suffix}": i for i, suffix in enumerate(SUFFIXES)}
    paths = [
        p
        for p in folder.iterdir()
        if p.name.startswith(table.name) and p.name.lower() in names and p.is_file()
    ]
    paths.sort(key=lambda p: (names[p.name.lower()], p.name))
    parts = folder / table.name
    if parts.is_dir():
        paths.append(parts)
    if len(paths) > 1:
        raise DeliveryError(
            f"{folder} holds {table.name} more than once: {', '.join(p.name for p in paths)}. "
            "Keep one of them."
        )
    return _parts(paths[0]) if paths and paths[0].is_dir() else tuple(paths)


def _parts(folder: Path) -> tuple[Path, ...]:
    """A table's parts, in the order of the numbers in their names: part-2 before part-10."""
    # Clusters write files such as _SUCCESS beside the parts.
    files = [
        p
        for p in sorted(folder.iterdir())
        if not _is_hidden(p) and not (p.name[0] == "_" and not p.suffix)
    ]
    for path in files:
        if path.is_dir() or not path.name.lower().endswith(SUFFIXES):
            raise DeliveryError(
                f"{folder.name}/{path.name} can't be read: the parts of a table are {_KINDS}. "
                "Convert it, or take it out of the folder."
            )
    if not files:
        raise DeliveryError(f"{folder} holds no .csv, .tsv, .jsonl, .parquet or .xlsx file.")
    return tuple(sorted(files, key=lambda p: _numbered(p.name)))


def _numbered(name: str) -> list[str | int]:
    return [int(x) if i % 2 else x for i, x in enumerate(re.split(r"(\d+)", name))]


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
            for mapped in mapping.of(table.name):
                _require_of_database(table, mapped, name)
                if mapped.table is not None and not _has_table(inspector, mapped.table):
                    raise DeliveryError(
                        f"The mapping takes {table.name} from {mapped.table}, but {name} has no "
                        "such table."
                    )
                if mapped.table is not None or table.name in existing:
                    sources.append(Source(table, mapped, database=engine))
                else:
                    _refuse_other_case(table, existing, name)
    except (exc.ArgumentError, ModuleNotFoundError, ValueError) as error:
        scheme = url.partition("://")[0]
        raise DeliveryError(
            f"No database of kind {scheme} can be opened here ({type(error).__name__}). Name a "
            "folder, or an SQLAlchemy URL whose driver is installed."
        ) from error
    except exc.SQLAlchemyError as error:
        raise DeliveryError(
            f"The database {name} can't be read "
            f"({type(error).__name__}). Check that it runs, and its name and login."
        ) from error
    return Delivery(name, _with_shared(sources))


def _require_of_database(table: Table, mapped: TableMapping, name: str) -> None:
    for key in _FOLDER_KEYS:
        if getattr(mapped, key) is not None:
            raise MappingError(
                f"tables.{table.name}.{key}: {name} is a database, so this option doesn't apply. "
                "Leave it out, or name a `table`."
            )


def _refuse_other_case(table: Table, existing: set[str], name: str) -> None:
    for other in sorted(existing):
        if other.strip().casefold() == table.name:
            raise DeliveryError(
                f"{name} has the table {other!r}, which isn't the name {table.name} and would be "
                f"left out. Name it as the `table` of {table.name} in a --mapping."
            )


def _require_file(url: sqlalchemy.URL) -> None:
    """Raise DeliveryError unless the file exists, because SQLite would create it."""
    name = url.database or ""
    local = url.get_backend_name() == "sqlite" and not name.startswith("file:")
    if local and not Path(name).is_file():
        raise DeliveryError(f"There is no database file {name!r}. Name one that exists.")


def _has_table(inspector: sqlalchemy.Inspector, name: str) -> bool:
    schema, _, table = name.rpartition(".")
    return inspector.has_table(table, schema or None)
