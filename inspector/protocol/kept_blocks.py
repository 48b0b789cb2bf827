"""Header blocks of one direction that nobody had to decode yet, kept in case that somebody has to.

Owns the bound: a block of indexed fields alone changes no table and says nothing new when it comes once more, and of
the others as many are kept as can be decoded without a pause that is felt.
"""

from __future__ import annotations

from typing import Final

from inspector.model.frame import END_HEADERS, Frame, FrameType

_MANY: Final = 1_000
"""Blocks, each of which takes some ten microseconds to decode."""
_FIELDS: Final = bytes(range(0x81, 0xFF))
"""Each of these bytes is a whole indexed field (RFC 7541 §6.1)."""


class KeptBlocks:
    """Blocks in the order of the wire; None stands for one whose bytes cannot be had."""

    __slots__ = ("_blocks", "_same")

    def __init__(self) -> None:
        self._blocks: list[bytes | None] = []
        self._same: set[bytes] = set()
        """Blocks of indexed fields alone, since the last block that may have changed what they mean."""

    def keep(self, block: bytes | None) -> bool:
        """Keep a block; True when there are many."""
        if block is None or not is_indexed(block):
            self._same.clear()
        elif block in self._same:
            return False
        else:
            self._same.add(block)
        self._blocks.append(block)
        return len(self._blocks) >= _MANY

    def take(self) -> list[bytes | None]:
        """All of them; they are forgotten here."""
        blocks, self._blocks = self._blocks, []
        self._same.clear()
        return blocks


def is_indexed(block: bytes) -> bool:
    """True for a block of indexed fields alone, which leaves the table as it is."""
    return not block.translate(None, _FIELDS)


def block_of(frame: Frame) -> bytes | None:
    """A frame's whole header block; None where its bytes cannot be had."""
    is_whole = frame.type != FrameType.CONTINUATION and bool(frame.flags & END_HEADERS)
    return frame.payload if is_whole and (frame.payload or not frame.headers) else None
