"""The list of all packets of a capture, as in Wireshark: one row each, kept on disk and found by number.

The rows are in an unlinked file, which vanishes with this program however it ends. Memory holds eight bytes per
packet. The input is the output of `Tshark.list_arguments`, whose lines begin with the packet's number.
"""

from __future__ import annotations

import os
import re
import tempfile
from array import array
from collections.abc import Iterable
from typing import Final, NamedTuple

from inspector.capture.left_captures import spool_folder
from inspector.errors import SpoolError, reason, remedy

_MAX_LINE, _MAX_CELL = 2_048, 256
"""Bytes of a line, and of each column in a longer line: more than any screen shows."""
_COLUMNS: Final = 7
_GRPC: Final = re.compile("(?:GRPC)+(?:HTTP2)*")
_NO_TYPE: Final = "/PB(<UNKNOWN>)"
"""What version 4.6 appends to the name without a schema, which tshark never gets here."""


class PacketLine(NamedTuple):
    """A row of the list, as tshark prints it; its text must be cleaned before it is shown."""

    number: int
    time: float
    """Seconds since the epoch."""
    source: str
    destination: str
    protocol: str
    length: int
    """Bytes on the wire."""
    info: str


class PacketList:
    """The rows of one capture, in the order of its packets."""

    def __init__(self) -> None:
        self._descriptor: int | None = None
        self._ends: array[int] = array("Q")
        self._size = 0

    def __len__(self) -> int:
        return len(self._ends)

    def take(self, lines: Iterable[bytes]) -> None:
        """Append the lines that continue the list; others, repeated by a restarted tshark, are ignored.

        Raises:
            SpoolError: The disk is full or fails.
        """
        added: list[bytes] = []
        expected, size = len(self) + 1, self._size
        for line in lines:
            if _number(line) == expected:
                added.append(line if len(line) <= _MAX_LINE else _shortened(line))
                size += len(added[-1])
                self._ends.append(size)
                expected += 1
        try:
            self._write(b"".join(added))
        except OSError as error:
            del self._ends[len(self) - len(added) :]
            raise SpoolError(
                f"The list of packets cannot be kept: {reason(error)}.", remedy(error, "Make room on the disk.")
            ) from error
        self._size = size

    def line(self, number: int) -> PacketLine:
        """Return the row of a packet; numbers begin at 1. Raise IndexError for one that has not come."""
        if not 0 < number <= len(self):
            raise IndexError(number)
        start = self._ends[number - 2] if number > 1 else 0
        data = b"" if self._descriptor is None else os.pread(self._descriptor, self._ends[number - 1] - start, start)
        return _parse(number, data)

    def clear(self) -> None:
        """Remove all rows, as the capture is decoded in another way."""
        self._ends, self._size = array("Q"), 0

    def close(self) -> None:
        """Close the file, and remove all rows."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        self.clear()

    def _write(self, data: bytes) -> None:
        if self._descriptor is None:
            self._descriptor = _unlinked_file()
        view, at = memoryview(data), self._size
        while view:
            done = os.pwrite(self._descriptor, view, at)
            view, at = view[done:], at + done


def _unlinked_file() -> int:
    """Open a file without a name beside the spools, or in the folder for temporary files."""
    try:
        folder = spool_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(".packets", dir=folder)
    except OSError:
        descriptor, name = tempfile.mkstemp(".packets", "grpc-inspector-")
    os.unlink(name)  # noqa: PTH108 - the name is a str already
    return descriptor


def _number(line: bytes) -> int:
    """Return the packet number at the beginning of a line; 0 where there is none."""
    first = line.partition(b"\t")[0].strip()
    return int(first) if first.isdigit() else 0


def _shortened(line: bytes) -> bytes:
    """Shorten each column of a line, so that all of them are there."""
    *cells, info = line.split(b"\t", _COLUMNS - 1)
    return b"\t".join([*(cell[:_MAX_CELL] for cell in cells), info])[:_MAX_LINE]


def _deduplicated(name: str) -> str:
    """Return a protocol's name once: tshark repeats it for each time that it dissected it, as in `GRPCGRPC`.

    Version 4.0 joins both names where a packet holds frames with and without messages, as in `GRPCGRPCHTTP2`.
    """
    name = name.replace(_NO_TYPE, "")
    if _GRPC.fullmatch(name):
        return "GRPC"
    period = next(at for at in range(1, len(name) + 1) if name.startswith(name[at:])) if name else 0
    return name[:period] if len(name) >= 2 * period else name


def _parse(number: int, data: bytes) -> PacketLine:
    cells = [cell.strip() for cell in data.decode(errors="replace").split("\t", _COLUMNS - 1)]
    cells += [""] * (_COLUMNS - len(cells))
    _, time, source, protocol, destination, length, info = cells
    return PacketLine(number, _seconds(time), source, destination, _deduplicated(protocol), int(length or 0), info)


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
