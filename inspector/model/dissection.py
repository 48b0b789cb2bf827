"""A packet as Wireshark dissects it: a tree of layers and fields, and the bytes that they are read from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """A line of the tree, with the lines below it."""

    label: str
    """Wireshark's text. Not safe to display: parts of it come from the wire."""
    filter: str = ""
    """The display filter for packets with the same value, as in `http2.streamid == 1`; empty where there is none."""
    start: int = 0
    length: int = 0
    """In bytes; 0 for a field without bytes."""
    source: int = 0
    """The index of the byte source that `start` refers to."""
    is_generated: bool = False
    """True for what Wireshark computed; it shows such fields in brackets."""
    severity: str = ""
    """Chat, Note, Warn or Error for Wireshark's expert information; otherwise empty."""
    packet: int | None = None
    """The number of another packet that the field refers to."""
    children: tuple[Field, ...] = ()

    @property
    def name(self) -> str:
        """The field's name in display filters; empty where it has none."""
        return self.filter.partition(" ")[0].partition("[")[0]


@dataclass(frozen=True, slots=True)
class ByteSource:
    """Bytes that fields are read from: the packet, or data reassembled or decompressed from several packets."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Dissection:
    """The dissection of one packet."""

    number: int
    layers: tuple[Field, ...]
    sources: tuple[ByteSource, ...]
    """The packet's own bytes come first."""

    def field(self, path: tuple[int, ...]) -> Field:
        """Return the field at a path: the index of its layer, then of a child on each level.

        Raises:
            IndexError: when there is no such field.
        """
        found = self.layers[path[0]]
        for index in path[1:]:
            found = found.children[index]
        return found

    def path_at(self, source: int, offset: int) -> tuple[int, ...] | None:
        """Return the path of the smallest field that covers a byte; None where no field does."""
        best: tuple[int, tuple[int, ...]] | None = None
        for path, field in self._walk(self.layers, ()):
            is_there = field.source == source and field.start <= offset < field.start + field.length
            if is_there and (best is None or field.length <= best[0]):
                best = field.length, path
        return None if best is None else best[1]

    def first(self, name: str) -> Field | None:
        """Return the first field with a name."""
        return next((field for _, field in self._walk(self.layers, ()) if field.name == name), None)

    def _walk(self, fields: tuple[Field, ...], path: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Field]]:
        for index, field in enumerate(fields):
            here = (*path, index)
            yield here, field
            yield from self._walk(field.children, here)
