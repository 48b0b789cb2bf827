"""A connection as documents: all that is known of it, and its frames in sequence. The views say what each line says."""

from __future__ import annotations

from typing import Final

from inspector.model.secrets import NO_MASK, Mask
from inspector.present.connection_detail import ConnectionFact, connection_facts
from inspector.present.export.text import text_line
from inspector.present.sequence import Sequence, heading, run_lines
from inspector.present.spans import Line
from inspector.schema.catalog import Catalog
from inspector.store.store import Store
from inspector.ui.widgets.layout import DocumentBlock

_AT_ONCE: Final = 2_000
"""Frames that are looked at between two looks at the keyboard: some milliseconds."""


class ConnectionDocument:
    """A block for each line."""

    def __init__(self, store: Store, connection: int) -> None:
        self._store, self._connection = store, connection
        self._facts = connection_facts(store, connection)

    def __len__(self) -> int:
        return len(self._facts)

    def block(self, index: int) -> DocumentBlock:
        """A line, which may lead to a frame."""
        fact = self._facts[index]
        return DocumentBlock((fact.line,), fact.position)

    def block_of(self, position: int) -> int | None:  # noqa: ARG002 - it is no frame's
        """No line is the one of a selected frame."""
        return None

    def refresh(self) -> int:
        """Make the lines again; the first that says something else."""
        before, self._facts = self._facts, connection_facts(self._store, self._connection)
        return _first_difference(before, self._facts)

    def copied(self, mask: Mask = NO_MASK) -> tuple[str, str]:
        """Return the lines as text."""
        return "\n".join(text_line(fact.line, mask=mask) for fact in self._facts), f"connection {self._connection}"


class SequenceDocument:
    """A heading, then a block for each run of frames; its lines are lanes, so they are cut and not wrapped."""

    def __init__(self, store: Store, catalog: Catalog, connection: int) -> None:
        self._store, self._catalog = store, catalog
        self._sequence = Sequence(store, connection)
        self._sequence.update(_AT_ONCE)
        self._heading = heading(store, connection)
        self.connection = connection

    def __len__(self) -> int:
        return len(self._sequence) + 1

    @property
    def is_behind(self) -> bool:
        """True when more frames came than were taken in."""
        return self._sequence.is_behind

    def block(self, index: int) -> DocumentBlock:
        """The heading, or a run, which leads to its first frame."""
        if index == 0:
            return DocumentBlock((*self._heading, Line()), is_titled=True)
        lines = run_lines(self._store, self._catalog, self._sequence, index - 1)
        return DocumentBlock(lines, self._sequence.run(index - 1).positions[0], is_cut=True)

    def block_of(self, position: int) -> int | None:
        """The run that shows a frame."""
        return self._sequence.run_of(position) + 1

    def refresh(self) -> int:
        """Take in some of the frames that came."""
        before, self._heading = self._heading, heading(self._store, self.connection)
        first = self.go_on()
        return first if before == self._heading else 0

    def go_on(self) -> int:
        """Take in some more of them; the first block that says something else."""
        return self._sequence.update(_AT_ONCE) + 1

    def copied(self, mask: Mask = NO_MASK) -> tuple[str, str]:
        """Return all of it as text."""
        blocks = (self.block(index) for index in range(len(self)))
        lines = (text_line(line, mask=mask) for block in blocks for line in block.lines)
        return "\n".join(lines), f"the sequence of connection {self.connection}"


def _first_difference(before: tuple[ConnectionFact, ...], after: tuple[ConnectionFact, ...]) -> int:
    pairs = enumerate(zip(before, after, strict=False))
    return next((index for index, (old, new) in pairs if old != new), min(len(before), len(after)))
