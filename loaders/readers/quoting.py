"""Quotes as RFC 4180 defines them: the closing quote of a quoted cell ends the cell.

Arrow's parser takes what follows a closing quote for more of the cell, and so shifts columns. Rows
with such quotes are found here before it sees them. A quote within an unquoted cell (`12" wide`)
stays a part of it, unless it looks like the end of a cell whose quotes aren't doubled.
"""

import re
from collections import deque
from collections.abc import Iterator

import numpy as np

from followsuit.loaders.readers.batches import LONGEST_ROW, row_too_long
from followsuit.loaders.sources import DeliveryError

_QUOTE = ord('"')


def well_formed(
    blocks: Iterator[bytes], delimiter: str, instead: bytes, lines: deque[bytes], name: str
) -> Iterator[bytes]:
    """The rows of a file, each whole in one block.

    Args:
        blocks: UTF-8, cut anywhere.
        delimiter: of cells, one ASCII character.
        instead: a row, without its line end, to put in the place of every line whose quotes are
            malformed.
        lines: gets these lines, in order.
        name: of the file, for messages.

    Raises:
        DeliveryError: the last quote isn't closed, or a row is longer than LONGEST_ROW.
    """
    rows = _Rows(delimiter, instead, lines)
    rest = b""
    for block in blocks:
        done, rest = rows.split(rest + block)
        if len(rest) > LONGEST_ROW:
            raise row_too_long(name)
        yield done
    done, rest = rows.split(rest + b"\n")
    yield done
    if rest:
        raise DeliveryError(
            f"{name} opens a quote and never closes it. Close it, or double the quotes that "
            "are part of a value."
        )


class _Rows:
    def __init__(self, delimiter: str, instead: bytes, lines: deque[bytes]) -> None:
        d = re.escape(delimiter.encode())
        blank = "[ \t]".replace(delimiter, "").encode()
        cell = rb'(?!%b*+")[^%b\r\n]*+' % (blank, d)
        # A cell that ends with a quote that it doesn't begin with.
        torn = rb'[^%b\r\n]*"%b*+[%b\r\n]' % (d, blank, d)
        whole = rb"(?!%b)%b" % (torn, cell)
        opened = rb'"(?:[^"]++|"")*+'
        quoted = rb'%b"(?:%b(?:%b"|%b))*+' % (opened, d, opened, whole)
        end = rb"(?:\r\n?|\n)"
        self._rows = re.compile(rb"(?:(?:%b%b)*+(?:%b|%b)%b)*+" % (cell, d, quoted, cell, end))
        clean = rb'[^"%b\r\n]*+' % d
        only = rb"(?:%b\"|%b)" % (opened, clean)
        self._clean_row = re.compile(rb"%b(?:%b%b)*+%b" % (only, d, only, end))
        self._begun = re.compile(
            rb"(?:%b%b)*+(?:%b%b?+)?+(?:%b|%b)" % (cell, d, quoted, d, opened, cell)
        )
        self._end = re.compile(end)
        self._instead = instead + b"\n"
        self._lines = lines
        self._torn = False
        """Whether what comes next may be left of a cell that was torn apart."""
        self._edges = np.zeros(256, dtype=bool)
        self._edges[[*b'\r\n"', ord(delimiter)]] = True

    def split(self, data: bytes) -> tuple[bytes, bytes]:
        """The rows that are whole, and what has begun behind them."""
        places = np.flatnonzero(np.frombuffer(data, np.uint8) == _QUOTE)
        if not self._are_sound(data, places):
            return self._sorted_out(data)
        end = _last_end(data, len(data))
        while (before := int(np.searchsorted(places, end))) % 2:  # the line ends within quotes
            end = _last_end(data, int(places[before - 1]))
        self._torn = self._torn and not end
        return data[:end], data[end:]

    def _are_sound(self, data: bytes, places: np.ndarray) -> bool:
        """Whether quotes that open stand at the beginning of a cell, and others at its end."""
        text = np.frombuffer(b"\n" + data + b"\n", np.uint8)
        before, after = text[places[::2]], text[places[1::2] + 2]
        return bool(self._edges[before].all() and self._edges[after].all())

    def _sorted_out(self, data: bytes) -> tuple[bytes, bytes]:
        done = []
        at = 0
        while at < len(data):
            # What is left of a torn cell may look like a row but for its quotes.
            if not self._torn or self._clean_row.match(data, at):
                sound = self._rows.match(data, at)
                assert sound is not None  # be it of no rows
                done.append(sound[0])
                at, self._torn = sound.end(), self._torn and not sound[0]
                if sound[0]:
                    continue
            begun = self._begun.match(data, at)
            end = self._end.search(data, at)
            if end is None or (begun and begun.end() == len(data)):
                break
            self._torn |= begun is not None and begun.end() > end.end()
            done.append(self._instead)
            self._lines.append(data[at : end.start()])
            at = end.end()
        return b"".join(done), data[at:]


def _last_end(data: bytes, before: int) -> int:
    """Where the last line that ends before a place ends."""
    return max(data.rfind(b"\n", 0, before), data.rfind(b"\r", 0, before)) + 1
