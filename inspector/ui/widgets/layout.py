"""Lays a document out as lines of a width, as much of it as is looked at.

A document is a row of blocks: the steps of a call, the lines of a frame. Only a window of blocks around the one that
is looked at is laid out, and grows at the end that is scrolled to: a call of a hundred thousand messages opens at once.
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
"""Blocks that are laid out at a time."""
INDENT: Final = 2
"""Cells of one step of indent."""


class DocumentBlock(NamedTuple):
    """A part of a document that is laid out as one."""

    lines: tuple[Line, ...]
    position: int | None = None
    """The frame that it leads to, where it leads to one."""
    is_titled: bool = False
    """True when the first line is a title."""
    is_cut: bool = False
    """True when lines too long are cut off and not wrapped, because they stand in columns."""


class Document(Protocol):
    """What a pane shows."""

    def __len__(self) -> int:
        """How many blocks there are."""

    def block(self, index: int) -> DocumentBlock:
        """One block."""


class MaskedDocument:
    """A document with its secrets masked."""

    def __init__(self, document: Document, mask: Mask) -> None:
        self._document, self._mask = document, mask

    def __len__(self) -> int:
        return len(self._document)

    def block(self, index: int) -> DocumentBlock:
        """One block."""
        block = self._document.block(index)
        return block._replace(lines=masked_lines(block.lines, self._mask))


class Row(NamedTuple):
    """A line of the pane."""

    spans: tuple[Span, ...]
    block: int
    """The index of its block."""
    position: int | None = None
    is_title: bool = False
    line: int = 0
    """Which line of its block it is, or is a part of."""


class Layout:
    """A window of a document, as rows."""

    def __init__(self, document: Document, width: int, anchor: int = 0) -> None:
        """Lay out the blocks around `anchor`."""
        self.document = document
        self.width = width
        self._start = max(0, anchor - CHUNK // 2)
        self._end = self._start
        self.rows: list[Row] = []
        self.extend_down()

    def extend_up(self) -> int:
        """Lay out more blocks above; how many rows that put before the others."""
        if self._start == 0:
            return 0
        start = max(0, self._start - CHUNK)
        rows = [row for index in range(start, self._start) for row in self._block_rows(index)]
        self.rows[:0] = rows
        self._start = start
        return len(rows)

    def extend_down(self) -> bool:
        """Lay out more blocks below; False when there are none."""
        end = min(self._end + CHUNK, len(self.document))
        for index in range(self._end, end):
            self.rows.extend(self._block_rows(index))
        self._end, grown = end, end > self._end
        return grown

    def replace_from(self, block: int) -> None:
        """The blocks from this one on may say something else, and there may be more of them."""
        if block >= self._end and self._end != block:
            return
        block = max(block, self._start)
        room = self._end - block
        del self.rows[bisect_left(self.rows, block, key=_block) :]
        self._end = block
        while self._end < min(len(self.document), block + max(room, CHUNK)) and self.extend_down():
            pass

    def row_of(self, block: int) -> int | None:
        """The first row of a block; None when it is not laid out."""
        if not self._start <= block < self._end:
            return None
        return bisect_left(self.rows, block, key=_block)

    @property
    def above(self) -> int:
        """How many blocks above are not laid out."""
        return self._start

    @property
    def below(self) -> int:
        """How many blocks below are not laid out."""
        return len(self.document) - self._end

    def _block_rows(self, index: int) -> Iterator[Row]:
        block = self.document.block(index)
        for number, line in enumerate(block.lines):
            rows = (line.spans,) if block.is_cut else wrap(line.spans, self.width, line.indent * INDENT)
            for spans in rows:
                yield Row(spans, index, block.position, block.is_titled and number == 0, number)


def _block(row: Row) -> int:
    return row.block
