"""Makes the rows of the Packets list, with its columns, and the lines of a packet's protocol tree."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from inspector.model.dissection import Dissection, Field
from inspector.present.columns import TIME, Column, ColumnTable, Printed, dim
from inspector.present.spans import Line, Span, Tone
from inspector.present.times import Times, TimeStyle
from inspector.store.store import Store
from inspector.text import clean, delta, shortened
from inspector.tshark.packet_list import PacketLine

_WARNING: Final = re.compile(r"\[TCP (?!Window Update|Keep-Alive|segment of)[^\]]*\]|\[Malformed|\[RST")
_PLAIN_TCP: Final = "TCP"


@dataclass(frozen=True, slots=True)
class PacketRow:
    """A row of the Packets list."""

    number: int
    time: str
    source: str
    destination: str
    protocol: Span
    length: int
    info: tuple[Span, ...]
    delta: str
    """Seconds since the previous row; empty in the first."""


def packet_row(line: PacketLine, times: Times, previous: float | None = None) -> PacketRow:
    """Return the row of a packet; `previous` is the time of the previous row, or None in the first."""
    tone = Tone.WARN if _WARNING.search(line.info) else Tone.DIM if line.protocol == _PLAIN_TCP else Tone.PLAIN
    return PacketRow(
        line.number,
        times.show(line.time, previous=previous if times.style is TimeStyle.PREVIOUS else None),
        clean(line.source),
        clean(line.destination),
        Span(clean(line.protocol), Tone.DIM if tone is Tone.DIM else Tone.KEYWORD),
        line.length,
        (Span(clean(line.info), tone),),
        "" if previous is None else delta(line.time - previous),
    )


def _comments(store: Store, number: int) -> Hashable:
    return store.comments.get(number)


# fmt: off
PACKET_COLUMNS: Final = ColumnTable(
    Column("No.", lambda row: dim(row.number), least=5, most=9, right=True, printed=Printed(7)),
    Column(TIME, lambda row: dim(row.time), least=8, most=23, right=True, gap=2, printed=Printed(12)),
    Column("Delta", lambda row: dim(row.delta), least=9, most=14, right=True, gap=2, is_extra=True),
    Column("Source", lambda row: (Span(row.source),), least=9, most=24, gap=2, yields=True,
           printed=Printed(15, right=True)),
    Column("Destination", lambda row: (Span(row.destination),), least=11, most=24, yields=True,
           printed=Printed(15, gap=" → ")),
    Column("Protocol", lambda row: (row.protocol,), least=5, most=9, printed=Printed(9)),
    Column("Len", lambda row: dim(row.length), least=4, most=7, right=True, printed=Printed(6)),
    Column("Info", lambda row: row.info, least=20, gap=2, depends_on=(_comments,), printed=Printed()),
)
# fmt: on
"""Of a `PacketRow`; depends on the number of a packet."""

OPEN, FOLDED = "▾ ", "▸ "
MARKS: Final = (OPEN[0], FOLDED[0])
"""The marks of lines that can be folded or unfolded."""
_LEAF: Final = "  "
_OPEN_LAYERS: Final = frozenset({"http2", "grpc", "protobuf", "http"})
_MAX_OPEN_LAYERS: Final = 24
"""In a packet with more layers than this, none is unfolded at first: a packet can hold a thousand frames."""
_MAX_LABEL: Final = 2_000
"""Characters of a label that are shown."""
_LONG_BITS: Final = re.compile(r"^[01. ]{12,} = ")
"""Matches the bits of a wide field before its label. They are left out, as the hex dump shows them."""
_HEADER_BLOCK: Final = "http2.headers"
"""The field with the bytes of all headers of a frame."""
_NO_VALUES: Final = frozenset(
    {"http2.header.name", "http2.header.name.length", "http2.header.repr", "http2.header.index"}
)
"""Fields below a header that do not reveal its value."""
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""The name of a header (RFC 9110 §5.6.2)."""
_SEVERITIES: Final = {"Error": Tone.ERROR, "Warn": Tone.WARN, "Warning": Tone.WARN}

Path = tuple[int, ...]


class TreeLine(NamedTuple):
    """A visible line of the tree."""

    path: Path
    field: Field
    is_open: bool


class Folds:
    """The fields that the user folded or unfolded, by their names from the layer on."""

    def __init__(self, known: Mapping[tuple[str, ...], bool] | None = None) -> None:
        self._known = dict(known or {})

    def is_open(self, names: tuple[str, ...], *, by_default: bool) -> bool:
        """Return whether a field is unfolded."""
        return self._known.get(names, by_default)

    def copy(self) -> Folds:
        """Return a copy that later changes do not affect."""
        return Folds(self._known)

    def turn(self, names: tuple[str, ...], *, is_open: bool) -> None:
        """Fold or unfold such fields from now on."""
        self._known[names] = is_open


class PacketTree:
    """The protocol tree of one packet, with folded and unfolded fields."""

    def __init__(self, dissection: Dissection, folds: Folds) -> None:
        self.dissection = dissection
        self._folds = folds
        self._before = folds.copy()
        self._turned: dict[Path, bool] = {}
        """The fields of this packet that were folded or unfolded. Similar ones follow only in the next packet."""
        count = sum(layer.name in _OPEN_LAYERS for layer in dissection.layers)
        self._opens_layers = count <= _MAX_OPEN_LAYERS
        self.lines: list[TreeLine] = []
        self._list()

    def toggle(self, index: int) -> None:
        """Fold or unfold a line, if it has children."""
        line = self.lines[index]
        if line.field.children:
            self._turn(line.path, is_open=not line.is_open)
            self._list()

    def turn(self, index: int, *, is_open: bool) -> int:
        """Unfold or fold a line; return its index, or that of its parent if there is nothing to fold."""
        line = self.lines[index]
        if line.field.children and line.is_open is not is_open:
            self.toggle(index)
        elif not is_open and len(line.path) > 1:
            return next(at for at, each in enumerate(self.lines) if each.path == line.path[:-1])
        return index

    def open_all(self, *, is_open: bool) -> None:
        """Unfold or fold every layer with all its fields."""
        for path, field in self._walk(self.dissection.layers, ()):
            if field.children:
                self._turn(path, is_open=is_open)
        self._list()

    def reveal(self, path: Path) -> int:
        """Unfold the parents of a field, and return the index of its line."""
        for length in range(1, len(path)):
            self._turned[path[:length]] = True
        self._list()
        return next(index for index, line in enumerate(self.lines) if line.path == path)

    def line(self, index: int) -> Line:
        """Return a line as text."""
        path, field, is_open = self.lines[index]
        mark = (OPEN if is_open else FOLDED) if field.children else _LEAF
        headers = headers_of(self.dissection, path)
        return Line((Span(mark, Tone.DIM), *_spans(field, headers, is_layer=len(path) == 1)), len(path) - 1)

    def _list(self) -> None:
        self.lines = list(self._shown(self.dissection.layers, ()))

    def _shown(self, fields: tuple[Field, ...], above: Path) -> Iterator[TreeLine]:
        for index, field in enumerate(fields):
            path = (*above, index)
            is_open = bool(field.children) and self._is_open(path, is_only=len(fields) == 1)
            yield TreeLine(path, field, is_open)
            if is_open:
                yield from self._shown(field.children, path)

    def _is_open(self, path: Path, *, is_only: bool) -> bool:
        layer = self.dissection.layers[path[0]].name
        by_default = self._opens_layers and layer in _OPEN_LAYERS and (len(path) == 1 or (is_only and len(path) == 2))
        known = self._turned.get(path)
        return self._before.is_open(self._names(path), by_default=by_default) if known is None else known

    def _turn(self, path: Path, *, is_open: bool) -> None:
        self._turned[path] = is_open
        self._folds.turn(self._names(path), is_open=is_open)

    def _names(self, path: Path) -> tuple[str, ...]:
        fields = [self.dissection.field(path[:length]) for length in range(1, len(path) + 1)]
        # A field without a name has a filter on its bytes, which differ in each packet.
        is_named = (field.filter and not field.filter.startswith("frame[") for field in fields)
        return tuple(
            field.name if named else field.label.partition(":")[0]
            for field, named in zip(fields, is_named, strict=True)
        )

    def _walk(self, fields: tuple[Field, ...], above: Path) -> Iterator[tuple[Path, Field]]:
        for index, field in enumerate(fields):
            yield (*above, index), field
            yield from self._walk(field.children, (*above, index))


def headers_of(dissection: Dissection, path: Path) -> tuple[str, ...]:
    """Return the names of the headers whose values, or bytes, the field at a path shows; none for any other field."""
    fields = [dissection.field(path[:length]) for length in range(1, len(path) + 1)]
    field = fields[-1]
    if field.name == _HEADER_BLOCK:
        return tuple(name for beside in fields[-2].children if (name := _header_name(beside)) is not None)
    if field.name in _NO_VALUES:
        return ()
    return next(((name,) for each in fields if (name := _header_name(each)) is not None), ())


def _header_name(field: Field) -> str | None:
    """Return the name of the header that a field is, in HTTP/2 or HTTP/1.1; None for any other field."""
    named = next((each for each in field.children if each.name == "http2.header.name"), None)
    if named is not None:
        name = named.label.partition(": ")[2]
        return "" if name == "<unknown>" else name
    name, colon, _ = field.label.partition(": ")
    is_line = field.name.startswith("http.") and colon and _TOKEN.fullmatch(name)
    return name.lower() if is_line else None


def _spans(field: Field, headers: tuple[str, ...], *, is_layer: bool) -> Iterator[Span]:
    label = _LONG_BITS.sub("", clean(shortened(field.label, _MAX_LABEL)))
    if field.severity in _SEVERITIES:
        yield Span(label, _SEVERITIES[field.severity])
    elif field.is_generated:
        yield Span(f"[{label}]", Tone.DIM, headers)
    elif is_layer:
        yield Span(label, Tone.KEYWORD)
    else:
        name, colon, value = label.partition(": ")
        yield Span(name + colon, Tone.KEY if colon else Tone.PLAIN)
        if name == "Header" and headers:  # the whole header: `Header: cookie: a=b`
            header, colon, value = value.partition(": ")
            yield Span(header + colon)
        yield Span(value, headers=headers)
