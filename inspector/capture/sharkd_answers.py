"""What sharkd's answers say, as values: the only module that knows their keys.

Lengths and offsets in them are believed only as far as there are bytes.
"""

from __future__ import annotations

import binascii
from typing import Final, NamedTuple

import msgspec

from inspector.model.dissection import ByteSource, Dissection, Field

_DEEPEST: Final = 200
"""Levels of a tree; Wireshark's own bound is less."""
_NO_FILTER: Final = frozenset({"", "text"})


class FieldName(NamedTuple):
    """A name that can stand in a display filter."""

    name: str
    title: str


class _Node(msgspec.Struct, gc=False):
    l: str = ""  # noqa: E741  # sharkd's keys
    f: str = ""
    h: tuple[int, int] | None = None
    ds: int = 0
    g: bool = False
    s: str = ""
    fnum: int | None = None
    n: list[_Node] = []


class _Source(msgspec.Struct):
    name: str = ""
    bytes: str = ""


class _Frame(msgspec.Struct):
    tree: list[_Node] = []
    bytes: str = ""
    ds: list[_Source] = []


class _Completed(msgspec.Struct):
    f: str
    n: str = ""


class _Complete(msgspec.Struct):
    field: list[_Completed] = []


class _Status(msgspec.Struct):
    frames: int = 0


def read_frame(number: int, answer: bytes) -> Dissection:
    """The packet that `frame` tells of; raises msgspec.DecodeError for what is no such answer."""
    frame = msgspec.json.decode(answer, type=_Frame)
    sources = (
        ByteSource("Packet", _bytes(frame.bytes)),
        *(ByteSource(each.name, _bytes(each.bytes)) for each in frame.ds),
    )
    return Dissection(number, tuple(_field(node, sources, _DEEPEST) for node in frame.tree), sources)


def read_names(answer: bytes) -> tuple[FieldName, ...]:
    """The field names that `complete` tells."""
    return tuple(FieldName(each.f, each.n) for each in msgspec.json.decode(answer, type=_Complete).field)


def read_count(answer: bytes) -> int:
    """How many packets are loaded, as `status` tells."""
    return msgspec.json.decode(answer, type=_Status).frames


def _field(node: _Node, sources: tuple[ByteSource, ...], deepest: int) -> Field:
    start, length = node.h or (0, 0)
    size = len(sources[node.ds].data) if 0 <= node.ds < len(sources) else 0
    start = max(0, min(start, size))
    return Field(
        label=node.l,
        filter="" if node.f in _NO_FILTER else node.f,
        start=start,
        length=max(0, min(length, size - start)),
        source=node.ds,
        is_generated=node.g,
        severity=node.s,
        packet=node.fnum,
        children=tuple(_field(child, sources, deepest - 1) for child in node.n) if deepest else (),
    )


def _bytes(text: str) -> bytes:
    try:
        return binascii.a2b_base64(text)
    except binascii.Error:
        return b""
