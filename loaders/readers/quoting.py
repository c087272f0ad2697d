"""Quotes as RFC 4180 defines them: the closing quote of a quoted cell ends the cell.

Arrow's parser treats text after a closing quote as part of the cell, which shifts columns. This
module finds rows with such quotes first. A quote within an unquoted cell (`12" wide`) is part of
the cell, unless it looks like the end of a cell whose quotes aren't doubled.
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
    """Regroup blocks so that none splits a row, and replace rows with malformed quotes.

    Args:
        blocks: blocks of UTF-8, split anywhere.
        delimiter: the delimiter of cells, one ASCII character.
        instead: a row, without its line end, that replaces every line with malformed quotes.
        lines: receives the replaced lines, in order.
        name: the file's name, for messages.

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
        # A cell that ends but doesn't begin with a quote.
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
        """Whether the next line may be the rest of a malformed cell."""
        self._edges = np.zeros(256, dtype=bool)
        self._edges[[*b'\r\n"', ord(delimiter)]] = True

    def split(self, data: bytes) -> tuple[bytes, bytes]:
        """The complete rows, and the incomplete rest."""
        places = np.flatnonzero(np.frombuffer(data, np.uint8) == _QUOTE)
        if not self._are_sound(data, places):
            return self._sorted_out(data)
        end = _last_end(data, len(data))
        while (before := int(np.searchsorted(places, end))) % 2:  # the line ends within quotes
            end = _last_end(data, int(places[before - 1]))
        self._torn = self._torn and not end
        return data[:end], data[end:]

    def _are_sound(self, data: bytes, places: np.ndarray) -> bool:
        """Whether all opening quotes begin a cell, and all closing quotes end one."""
        text = np.frombuffer(b"\n" + data + b"\n", np.uint8)
        before, after = text[places[::2]], text[places[1::2] + 2]
        return bool(self._edges[before].all() and self._edges[after].all())

    def _sorted_out(self, data: bytes) -> tuple[bytes, bytes]:
        done = []
        at = 0
        while at < len(data):
            # The rest of a malformed cell may look like a row, except for its quotes.
            if not self._torn or self._clean_row.match(data, at):
                sound = self._rows.match(data, at)
                assert sound is not None  # possibly without rows
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
    """The end of the last line that ends before a position."""
    return max(data.rfind(b"\n", 0, before), data.rfind(b"\r", 0, before)) + 1
