"""A call's times as a document: the strip, then what it says in figures, each with the frame that it is about."""

from __future__ import annotations

from inspector.model.call import StreamKey
from inspector.model.secrets import NO_MASK, Mask
from inspector.store.store import Store
from inspector.ui.widgets.layout import Block
from inspector.views.spans import Line
from inspector.views.timing import Fact, Timing


class TimingDocument:
    """The strip of a call that is `width` cells wide, and its figures."""

    def __init__(self, store: Store, key: StreamKey, width: int) -> None:
        self.key = key
        self._timing, self._width = Timing(store, key), width
        self._facts = self._made()

    def __len__(self) -> int:
        return len(self._facts)

    def block(self, index: int) -> Block:
        """A line, and where it leads."""
        fact = self._facts[index]
        return Block((fact.line,), fact.position)

    def block_of(self, position: int) -> int | None:
        """The line that is about a frame; None for the frames that have none of their own."""
        return next((index for index, fact in enumerate(self._facts) if fact.position == position), None)

    def refresh(self) -> int:
        """Take in what the call has come to be: the strip is another then."""
        self._timing.update()
        self._facts = self._made()
        return 0

    def copied(self, mask: Mask = NO_MASK) -> tuple[str, str]:  # noqa: ARG002 - there are only times
        """Return all lines as text."""
        return "\n".join(fact.line.text for fact in self._facts), f"the times of call {self.key}"

    def _made(self) -> tuple[Fact, ...]:
        above = (self._timing.heading(), Line(), *self._timing.strip(self._width), Line())
        return (*map(Fact, above), *self._timing.facts())
