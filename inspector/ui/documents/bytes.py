"""A frame's payload as a document of hex and ASCII."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inspector.model.secrets import NO_MASK, Mask
from inspector.store.store import Store
from inspector.ui.widgets.layout import Block
from inspector.views.bytes import BytesLine, dump
from inspector.views.spans import Line, Span, Tone, plain
from inspector.views.text import counted

_GAP: Final = Span("  ")


class BytesDocument:
    """A frame's payload as hex and ASCII."""

    def __init__(self, store: Store, position: int, width: int) -> None:
        self._dump = dump(store, position, width)
        self._frame = store.frames[position]

    def __len__(self) -> int:
        return max(len(self._dump), 1)

    def block(self, index: int) -> Block:
        """A line of bytes, or the remark that there are none."""
        lines = self._dump.lines(index, index + 1)
        if not lines:
            return Block((Line((Span("No payload is kept for this frame.", Tone.DIM),)),))
        return Block((Line(tuple(_bytes_spans(lines[0], self._dump.width))),))

    def block_of(self, position: int) -> int | None:  # noqa: ARG002 - all lines are of one frame
        """No line shows a frame of its own."""
        return None

    def refresh(self) -> int:
        """Bytes stay as they are, but where messages begin may be told later."""
        return 0

    def copied(self, mask: Mask = NO_MASK) -> tuple[str, str]:  # noqa: ARG002 - bytes are what was on the wire
        """Return the payload as hex digits."""
        payload = self._dump.payload
        return payload.hex(), f"{counted(len(payload), 'byte')} as hex"


def _bytes_spans(line: BytesLine, width: int) -> Iterator[Span]:
    yield Span(f"{line.offset:08x}", Tone.DIM)
    yield _GAP
    yield from line.hex
    yield Span(" " * (width * 3 - len(plain(line.hex))))
    yield _GAP
    yield from line.ascii
