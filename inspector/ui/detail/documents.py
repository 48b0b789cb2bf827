"""Documents of the right pane: the base, a frame, a message, and bytes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from functools import partial
from typing import Final, Protocol

from inspector.model.secrets import NO_MASK, Mask
from inspector.present.detail import BytesLine, dump, frame_detail, message_detail
from inspector.present.export.text import masked_lines
from inspector.present.messages import first_ending_at
from inspector.present.spans import Line, Span, Tone, plain
from inspector.schema.catalog import Catalog
from inspector.schema.decode import Format
from inspector.store.store import Store
from inspector.text import counted
from inspector.ui.widgets.layout import DocumentBlock


class PaneDocument(Protocol):
    """A document of one of the tabs."""

    def __len__(self) -> int:
        """How many blocks there are."""

    def block(self, index: int) -> DocumentBlock:
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

    def block(self, index: int) -> DocumentBlock:
        """A line."""
        return DocumentBlock((self._lines[index],))

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


def frame_document(store: Store, catalog: Catalog, position: int) -> LinesDocument:
    """Every field of a frame."""
    version = partial(_known, store, catalog, position)
    return LinesDocument(lambda: frame_detail(store, catalog, position), "the frame's fields", version)


def message_document(store: Store, catalog: Catalog, position: int, form: Format | None = None) -> LinesDocument:
    """The messages of a frame, in the form asked for."""
    version = partial(_known, store, catalog, position)
    return LinesDocument(lambda: message_detail(store, catalog, position, form), "the message", version)


def _known(store: Store, catalog: Catalog, position: int) -> Hashable:
    """What a frame and its messages say depends on this, and on nothing that comes later."""
    frame = store.frames[position]
    call = store.call_of(frame)
    if call is None:
        return catalog.revision, store.comments.get(frame.packet)
    messages = call.messages(store.side(frame))
    # A message of which the frame holds a part ends in a later one.
    ended = min(first_ending_at(messages, position + 1) + 1, len(messages))
    types = call.response_headers is None, call.trailers is None
    return catalog.revision, call.method, call.method_source, ended, types, store.comments.get(frame.packet)


_GAP: Final = Span("  ")


class BytesDocument:
    """A frame's payload as hex and ASCII."""

    def __init__(self, store: Store, position: int, width: int) -> None:
        self._dump = dump(store, position, width)
        self._frame = store.frames[position]

    def __len__(self) -> int:
        return max(len(self._dump), 1)

    def block(self, index: int) -> DocumentBlock:
        """A line of bytes, or the remark that there are none."""
        lines = self._dump.lines(index, index + 1)
        if not lines:
            return DocumentBlock((Line((Span("No payload is kept for this frame.", Tone.DIM),)),))
        return DocumentBlock((Line(tuple(_bytes_spans(lines[0], self._dump.width))),))

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
