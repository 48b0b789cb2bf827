"""A packet as Wireshark takes it apart: its layers and fields as a tree, and the bytes that they are read from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """A line of the tree, with the lines below it."""

    label: str
    """In Wireshark's words. Not safe to print: parts of it come from the wire."""
    filter: str = ""
    """The display filter that finds packets with the same value, `http2.streamid == 1`; empty where there is none."""
    start: int = 0
    length: int = 0
    """Of its bytes; 0 where it stands for none."""
    source: int = 0
    """The index of the source that it is read from."""
    is_generated: bool = False
    """True for what Wireshark worked out, and shows in brackets."""
    severity: str = ""
    """Chat, Note, Warn or Error for remarks of Wireshark's own; empty for others."""
    packet: int | None = None
    """The packet that it speaks of, where it speaks of one."""
    children: tuple[Field, ...] = ()

    @property
    def name(self) -> str:
        """The field's name in Wireshark's language; empty where it has none."""
        return self.filter.partition(" ")[0].partition("[")[0]


@dataclass(frozen=True, slots=True)
class ByteSource:
    """Bytes that fields are read from: the packet, or what was reassembled or inflated of several."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Dissection:
    """One packet, taken apart."""

    number: int
    layers: tuple[Field, ...]
    sources: tuple[ByteSource, ...]
    """The packet's own bytes first."""

    def field(self, path: tuple[int, ...]) -> Field:
        """The field at a path: the index of its layer, then of each child. IndexError where there is none."""
        found = self.layers[path[0]]
        for index in path[1:]:
            found = found.children[index]
        return found

    def path_at(self, source: int, offset: int) -> tuple[int, ...] | None:
        """The path of the field that is most closely about a byte; None where none is."""
        best: tuple[int, tuple[int, ...]] | None = None
        for path, field in self._walk(self.layers, ()):
            is_there = field.source == source and field.start <= offset < field.start + field.length
            if is_there and (best is None or field.length <= best[0]):
                best = field.length, path
        return None if best is None else best[1]

    def first(self, name: str) -> Field | None:
        """The first field of a name."""
        return next((field for _, field in self._walk(self.layers, ()) if field.name == name), None)

    def _walk(self, fields: tuple[Field, ...], path: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Field]]:
        for index, field in enumerate(fields):
            here = (*path, index)
            yield here, field
            yield from self._walk(field.children, here)
