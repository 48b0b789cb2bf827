"""Every packet of a capture as a line, as Wireshark's list has it: kept on disk, found by its number.

Owns a private file without a name: it is nobody's but ours, and gone with this program however it ends. In memory are
eight bytes for each packet. Takes the lines of `Tshark.list_arguments`, which begin with the packet's number.
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

_LONGEST, _LONGEST_CELL = 2_048, 256
"""Bytes of a line that are kept, and of a column where it is longer: more than any screen shows."""
_COLUMNS: Final = 7
_GRPC: Final = re.compile("(?:GRPC)+(?:HTTP2)*")
_NO_TYPE: Final = "/PB(<UNKNOWN>)"
"""What version 4.6 puts behind the name where it has no schema: it never has, messages are read by us."""


class PacketLine(NamedTuple):
    """What the list says of one packet, as tshark writes it; nothing in it is safe to print."""

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
    """The lines of one capture, in the order of its packets."""

    def __init__(self) -> None:
        self._descriptor: int | None = None
        self._ends: array[int] = array("Q")
        self._size = 0

    def __len__(self) -> int:
        return len(self._ends)

    def take(self, lines: Iterable[bytes]) -> None:
        """Take in what tshark printed; lines of packets that are here already are passed over, as is what is no line.

        Raises:
            SpoolError: the disk takes no more.
        """
        kept: list[bytes] = []
        expected, size = len(self) + 1, self._size
        for line in lines:
            if _number(line) == expected:
                kept.append(line if len(line) <= _LONGEST else _shortened(line))
                size += len(kept[-1])
                self._ends.append(size)
                expected += 1
        try:
            self._write(b"".join(kept))
        except OSError as error:
            del self._ends[len(self) - len(kept) :]
            raise SpoolError(
                f"The list of packets cannot be kept: {reason(error)}.", remedy(error, "Make room on the disk.")
            ) from error
        self._size = size

    def line(self, number: int) -> PacketLine:
        """The line of a packet; numbers begin at 1. IndexError for one that has not come."""
        if not 0 < number <= len(self):
            raise IndexError(number)
        start = self._ends[number - 2] if number > 1 else 0
        data = b"" if self._descriptor is None else os.pread(self._descriptor, self._ends[number - 1] - start, start)
        return _read(number, data)

    def clear(self) -> None:
        """Forget all lines: they are about to come anew, and may say something else."""
        self._ends, self._size = array("Q"), 0

    def close(self) -> None:
        """Give the file up."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        self.clear()

    def _write(self, data: bytes) -> None:
        if self._descriptor is None:
            self._descriptor = _nameless_file()
        view, at = memoryview(data), self._size
        while view:
            done = os.pwrite(self._descriptor, view, at)
            view, at = view[done:], at + done


def _nameless_file() -> int:
    """A file for this user only, beside the spools, or where nothing can be written there in the usual place."""
    try:
        folder = spool_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(".packets", dir=folder)
    except OSError:
        descriptor, name = tempfile.mkstemp(".packets", "grpc-inspector-")
    os.unlink(name)  # noqa: PTH108 - the name is a str, and was never of use
    return descriptor


def _number(line: bytes) -> int:
    """The packet number that a line begins with; 0 where it begins otherwise."""
    first = line.partition(b"\t")[0].strip()
    return int(first) if first.isdigit() else 0


def _shortened(line: bytes) -> bytes:
    """A line of which every column is there, if not all of it."""
    *cells, info = line.split(b"\t", _COLUMNS - 1)
    return b"\t".join([*(cell[:_LONGEST_CELL] for cell in cells), info])[:_LONGEST]


def _once(name: str) -> str:
    """A protocol's name but once: tshark writes it as often as it dissected it in a packet, as `GRPCGRPC`.

    Version 4.0 runs both names together where a packet holds frames with messages and others, as `GRPCGRPCHTTP2`.
    """
    name = name.replace(_NO_TYPE, "")
    if _GRPC.fullmatch(name):
        return "GRPC"
    period = next(at for at in range(1, len(name) + 1) if name.startswith(name[at:])) if name else 0
    return name[:period] if len(name) >= 2 * period else name


def _read(number: int, data: bytes) -> PacketLine:
    cells = [cell.strip() for cell in data.decode(errors="replace").split("\t", _COLUMNS - 1)]
    cells += [""] * (_COLUMNS - len(cells))
    _, time, source, protocol, destination, length, info = cells
    return PacketLine(number, _seconds(time), source, destination, _once(protocol), int(length or 0), info)


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
