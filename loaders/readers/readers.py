"""Readers: the rows of a file or a database table as Arrow batches, a bounded number at a time.

Readers don't change values: text formats give text, which `followsuit.loaders.staging.standardise`
converts to typed values. A row that can't be split into cells goes to `on_fault`; a file that can't
be read raises DeliveryError.
"""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pyarrow as pa
import sqlalchemy

from followsuit.loaders.readers.batches import Batches, OnFault, Reader, row_too_long
from followsuit.loaders.readers.database import open_table
from followsuit.loaders.readers.delimited import open_delimited
from followsuit.loaders.readers.json_lines import open_json_lines
from followsuit.loaders.readers.parquet import open_parquet
from followsuit.loaders.readers.workbook import open_workbook
from followsuit.loaders.sources import DeliveryError, Source, suffix_of


@contextmanager
def opened(source: Source, part: int, on_fault: OnFault) -> Iterator[Reader]:
    """Open one file of a source, or its database table.

    Args:
        source: the source.
        part: the position of the file in the source; 0 for a database table.
        on_fault: called with each row that can't be split into cells.

    Raises:
        DeliveryError: the file can't be read, now or while its batches are read.
    """

    def guarded(batches: Batches) -> Batches:
        with _faults(source, part):
            yield from batches

    with ExitStack() as stack:
        with _faults(source, part):
            reader = _open(source, part, on_fault, stack)
        yield replace(reader, batches=lambda *names: guarded(reader.batches(*names)))


def _open(source: Source, part: int, on_fault: OnFault, stack: ExitStack) -> Reader:
    if source.database is not None:
        return open_table(source)
    path = source.files[part]
    if path.stat().st_size == 0:
        raise DeliveryError(f"{path.name} is empty. Deliver it again, or leave it out.")
    match suffix_of(path.name):
        case ".parquet":
            return stack.enter_context(open_parquet(path))
        case ".jsonl":
            return open_json_lines(path, source, on_fault)
        case ".xlsx":
            return stack.enter_context(open_workbook(path, source, on_fault))
    return open_delimited(path, source, on_fault)


@contextmanager
def _faults(source: Source, part: int) -> Iterator[None]:
    """Convert read errors to a DeliveryError that says what to do."""
    name = source.names[part]
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DeliveryError(
            f"{name} is damaged or cut short ({error}). Deliver it again."
        ) from error
    except UnicodeDecodeError as error:
        raise _undecodable(name, source) from error
    except pa.ArrowInvalid as error:
        raise _unreadable(name, source, str(error)) from error
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise DeliveryError(
            f"The table {name} can't be read ({type(error).__name__}). Check that the database "
            "runs and the login may read it."
        ) from error
    except OSError as error:  # Arrow raises it for damage within a file, too
        why = (error.strerror or str(error)).splitlines()[0].rstrip(".")
        raise DeliveryError(f"{name} can't be read: {why}. Deliver it again.") from error


def _unreadable(name: str, source: Source, text: str) -> DeliveryError:
    if "UTF8" in text:
        return _undecodable(name, source)
    if "straddling" in text:
        return row_too_long(name)
    return DeliveryError(
        f"{name} can't be read: {text.splitlines()[0].rstrip('.')}. Deliver it again."
    )


def _undecodable(name: str, source: Source) -> DeliveryError:
    if source.database is not None or suffix_of(name) == ".parquet":
        return DeliveryError(f"{name} holds bytes that aren't valid text. Deliver them as UTF-8.")
    return DeliveryError(
        f"{name} isn't valid {source.encoding}. Name the `encoding` in a --mapping."
    )
