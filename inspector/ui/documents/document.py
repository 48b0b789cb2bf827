"""What a document of the right pane is, and the plainest one: lines that are all made at once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final, Protocol

from inspector.model.secrets import NO_MASK, Mask
from inspector.ui.widgets.layout import Block
from inspector.views.masking import masked_lines
from inspector.views.spans import Line, Span, Tone


class PaneDocument(Protocol):
    """A document of one of the tabs."""

    def __len__(self) -> int:
        """How many blocks there are."""

    def block(self, index: int) -> Block:
        """One block."""

    def block_of(self, position: int) -> int | None:
        """The block that shows a frame; None where all of them are of one frame."""

    def refresh(self) -> int:
        """Take in what came; the first block that may say something else now."""

    def copied(self, mask: Mask = NO_MASK) -> tuple[str, str]:
        """Return the text for the clipboard, its secrets masked, and what it is."""


_GONE: Final = (
    "This is not kept any more: the oldest frames make room for new ones.",
    "--memory SIZE lets more of them stay; the Packets tab may still have the packet.",
)


class LinesDocument:
    """Lines that are all made at once: a frame's fields, or its messages.

    They are made again only when `version` gives something else than before: a message may be large.
    """

    def __init__(
        self, make: Callable[[], tuple[Line, ...]], name: str, version: Callable[[], Hashable] = lambda: None
    ) -> None:
        self._make = make
        self._name = name
        self._version = version
        self._made = version()
        self._lines = make()

    def __len__(self) -> int:
        return len(self._lines)

    def block(self, index: int) -> Block:
        """A line."""
        return Block((self._lines[index],))

    def block_of(self, position: int) -> int | None:  # noqa: ARG002 - all lines are of one frame
        """No line shows a frame of its own."""
        return None

    def refresh(self) -> int:
        """Make the lines again: what a frame says can come to be known later."""
        version = self._version()
        if version == self._made:
            return len(self._lines)
        self._made, self._lines = version, self._make()
        return 0

    def copied(self, mask: Mask = NO_MASK) -> tuple[str, str]:
        """Return the lines as text."""
        lines = masked_lines(self._lines, mask)
        return "\n".join("  " * line.indent + line.text for line in lines), self._name


class GoneDocument(LinesDocument):
    """What is said of a frame that has left the store."""

    def __init__(self) -> None:
        lines = tuple(Line((Span(text, Tone.DIM),)) for text in _GONE)
        super().__init__(lambda: lines, "the remark that it is not kept")
