"""Lays out documents: wraps a window of their blocks to lines of some width.

A document is a sequence of blocks, such as the steps of a call or the fields of a frame. Only the blocks around the
visible ones are laid out, and more as the user scrolls, so that a call of a hundred thousand messages opens at once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

from inspector.model.secrets import Mask
from inspector.present.export.text import masked_lines
from inspector.present.spans import Line, Span
from inspector.ui.rendering import wrap

CHUNK: Final = 100
"""The number of blocks that are laid out at a time."""
INDENT: Final = 2
"""Cells for each level of `Line.indent`."""


class DocumentBlock(NamedTuple):
    """Lines of a document that lead to the same place."""

    lines: tuple[Line, ...]
    position: int | None = None
    """The frame that the block leads to."""
    is_titled: bool = False
    """True if the first line is a title."""
    is_cut: bool = False
    """True to cut off long lines instead of wrapping them, because their text is in columns."""


class Document(Protocol):
    """What a pane shows; its length is the number of blocks."""

    def __len__(self) -> int: ...

    def block(self, index: int) -> DocumentBlock:
        """Return one block."""


class MaskedDocument:
    """Another document with its secrets masked."""

    def __init__(self, document: Document, mask: Mask) -> None:
        self._document, self._mask = document, mask

    def __len__(self) -> int:
        return len(self._document)

    def block(self, index: int) -> DocumentBlock:
        """Return one block."""
        block = self._document.block(index)
        return block._replace(lines=masked_lines(block.lines, self._mask))


class Row(NamedTuple):
    """A line of a pane."""

    spans: tuple[Span, ...]
    block: int
    """The index of its block."""
    position: int | None = None
    is_title: bool = False
    line: int = 0
    """The index within its block of the line that it was wrapped from."""


class Layout:
    """The rows of a window of a document."""

    def __init__(self, document: Document, width: int, anchor: int = 0) -> None:
        """Lay out the blocks around `anchor`."""
        self.document = document
        self.width = width
        self._start = max(0, anchor - CHUNK // 2)
        self._end = self._start
        self.rows: list[Row] = []
        self.extend_down()

    def extend_up(self) -> int:
        """Lay out more blocks above; return the number of rows that were inserted."""
        if self._start == 0:
            return 0
        start = max(0, self._start - CHUNK)
        rows = [row for index in range(start, self._start) for row in self._block_rows(index)]
        self.rows[:0] = rows
        self._start = start
        return len(rows)

    def extend_down(self) -> bool:
        """Lay out more blocks below; return False if there are none."""
        end = min(self._end + CHUNK, len(self.document))
        for index in range(self._end, end):
            self.rows.extend(self._block_rows(index))
        self._end, grown = end, end > self._end
        return grown

    def replace_from(self, block: int) -> None:
        """Lay out again from a block on, because those after it may have changed or are new."""
        if block >= self._end and self._end != block:
            return
        block = max(block, self._start)
        room = self._end - block
        del self.rows[bisect_left(self.rows, block, key=_block) :]
        self._end = block
        while self._end < min(len(self.document), block + max(room, CHUNK)) and self.extend_down():
            pass

    def row_of(self, block: int) -> int | None:
        """Return the first row of a block; None if it is not laid out."""
        if not self._start <= block < self._end:
            return None
        return bisect_left(self.rows, block, key=_block)

    @property
    def above(self) -> int:
        """The number of blocks above the window."""
        return self._start

    @property
    def below(self) -> int:
        """The number of blocks below the window."""
        return len(self.document) - self._end

    def _block_rows(self, index: int) -> Iterator[Row]:
        block = self.document.block(index)
        for number, line in enumerate(block.lines):
            rows = (line.spans,) if block.is_cut else wrap(line.spans, self.width, line.indent * INDENT)
            for spans in rows:
                yield Row(spans, index, block.position, block.is_titled and number == 0, number)


def _block(row: Row) -> int:
    return row.block
