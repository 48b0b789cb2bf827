"""Documents of the right side about frames, messages and connections, and what every document provides."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from functools import partial
from typing import Final, Protocol

from inspector.model.secrets import NO_MASK, Mask
from inspector.present.connection_detail import ConnectionFact, connection_facts
from inspector.present.detail import BytesLine, Dump, frame_detail, message_detail
from inspector.present.export.text import masked_lines, text_line
from inspector.present.messages import first_ending_at
from inspector.present.sequence import Sequence, heading, run_lines
from inspector.present.spans import Line, Span, Tone, plain
from inspector.schema.catalog import Catalog
from inspector.schema.decode import Format
from inspector.store.store import Store
from inspector.text import counted
from inspector.ui.widgets.layout import DocumentBlock


class PaneDocument(Protocol):
    """A document of one of the tabs."""

    def __len__(self) -> int: ...

    def block(self, index: int) -> DocumentBlock:
        """Return one block."""

    def block_of(self, position: int) -> int | None:
        """Return the block that shows a frame; None if no block shows a single frame."""

    def refresh(self) -> int:
        """Update the document from its source; return the first block that may have changed."""

    def copied(self, mask: Mask = NO_MASK) -> tuple[str, str]:
        """Return the text for the clipboard, its secrets masked, and a description of it."""


_GONE: Final = (
    "This is no longer in memory: the oldest frames make room for new ones.",
    "--memory SIZE sets a higher limit; the Packets tab may still have the packet.",
)


class LinesDocument:
    """Lines that are all made at once, and again only when `version` changes: a message may be large."""

    def __init__(
        self, make: Callable[[], tuple[Line, ...]], name: str, version: Callable[[], Hashable] = lambda: None
    ) -> None:
        """Make the lines; `name` describes them when they are copied."""
        self._make = make
        self._name = name
        self._version = version
        self._made = version()
        self._lines = make()

    def __len__(self) -> int:
        return len(self._lines)

    def block(self, index: int) -> DocumentBlock:
        """Return a line."""
        return DocumentBlock((self._lines[index],))

    def block_of(self, position: int) -> int | None:  # noqa: ARG002 - see PaneDocument
        """Return None: all lines belong to one frame."""
        return None

    def refresh(self) -> int:
        """See `PaneDocument.refresh`."""
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
    """What is shown for a frame that was evicted from the store."""

    def __init__(self) -> None:
        lines = tuple(Line((Span(text, Tone.DIM),)) for text in _GONE)
        super().__init__(lambda: lines, "the remark that it is no longer in memory")


def frame_document(store: Store, catalog: Catalog, position: int) -> LinesDocument:
    """Return all fields of a frame."""
    version = partial(_version, store, catalog, position)
    return LinesDocument(lambda: frame_detail(store, catalog, position), "the frame's fields", version)


def message_document(store: Store, catalog: Catalog, position: int, form: Format | None = None) -> LinesDocument:
    """Return the messages of a frame in a format; None selects the most likely one."""
    version = partial(_version, store, catalog, position)
    return LinesDocument(lambda: message_detail(store, catalog, position, form), "the message", version)


def _version(store: Store, catalog: Catalog, position: int) -> Hashable:
    """Return all that the text about a frame and its messages depends on."""
    frame = store.frames[position]
    call = store.call_of(frame)
    if call is None:
        return catalog.revision, store.comments.get(frame.packet)
    messages = call.messages(store.side(frame))
    # The last message of which the frame has a part may end in a later frame.
    ended = min(first_ending_at(messages, position + 1) + 1, len(messages))
    types = call.response_headers is None, call.trailers is None
    return catalog.revision, call.method, call.method_source, ended, types, store.comments.get(frame.packet)


_GAP: Final = Span("  ")


class BytesDocument:
    """The payload of a frame in hex and ASCII."""

    def __init__(self, store: Store, position: int, width: int) -> None:
        """Show `width` bytes on a line."""
        self._dump = Dump(store, position, width)
        self._frame = store.frames[position]

    def __len__(self) -> int:
        return max(len(self._dump), 1)

    def block(self, index: int) -> DocumentBlock:
        """Return a line of bytes, or a sentence if there are none."""
        lines = self._dump.lines(index, index + 1)
        if not lines:
            return DocumentBlock((Line((Span("No payload is kept for this frame.", Tone.DIM),)),))
        return DocumentBlock((Line(tuple(_bytes_spans(lines[0], self._dump.width))),))

    def block_of(self, position: int) -> int | None:  # noqa: ARG002 - see PaneDocument
        """Return None: all lines belong to one frame."""
        return None

    def refresh(self) -> int:
        """Return 0: the bytes stay the same, but the colours change once it is known where messages begin."""
        return 0

    def copied(self, mask: Mask = NO_MASK) -> tuple[str, str]:  # noqa: ARG002 - bytes of the wire are never masked
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


class ConnectionDocument:
    """What is known of a connection, a block for each line."""

    def __init__(self, store: Store, connection: int) -> None:
        self._store, self._connection = store, connection
        self._facts = connection_facts(store, connection)

    def __len__(self) -> int:
        return len(self._facts)

    def block(self, index: int) -> DocumentBlock:
        """Return a line, which may lead to a frame."""
        fact = self._facts[index]
        return DocumentBlock((fact.line,), fact.position)

    def block_of(self, position: int) -> int | None:  # noqa: ARG002 - see PaneDocument
        """Return None: the selected subject is the connection, not a frame."""
        return None

    def refresh(self) -> int:
        """See `PaneDocument.refresh`."""
        before, self._facts = self._facts, connection_facts(self._store, self._connection)
        return _first_difference(before, self._facts)

    def copied(self, mask: Mask = NO_MASK) -> tuple[str, str]:
        """Return the lines as text."""
        return "\n".join(text_line(fact.line, mask=mask) for fact in self._facts), f"connection {self._connection}"


_FRAMES_PER_SLICE: Final = 2_000
"""Frames added to a sequence before keys are handled again: some milliseconds."""


class SequenceDocument:
    """The frames of a connection as a sequence diagram: a heading, then a block for each run of frames."""

    def __init__(self, store: Store, catalog: Catalog, connection: int) -> None:
        """Read the first slice of frames; `is_behind` says whether there are more."""
        self._store, self._catalog = store, catalog
        self._sequence = Sequence(store, connection)
        self._sequence.update(_FRAMES_PER_SLICE)
        self._heading = heading(store, connection)
        self.connection = connection

    def __len__(self) -> int:
        return len(self._sequence) + 1

    @property
    def is_behind(self) -> bool:
        """True while the connection has frames that are not in the document yet."""
        return self._sequence.is_behind

    def block(self, index: int) -> DocumentBlock:
        """Return the heading, or a run, which leads to its first frame."""
        if index == 0:
            return DocumentBlock((*self._heading, Line()), is_titled=True)
        lines = run_lines(self._store, self._catalog, self._sequence, index - 1)
        return DocumentBlock(lines, self._sequence.run(index - 1).positions[0], is_cut=True)

    def block_of(self, position: int) -> int | None:
        """Return the run that shows a frame."""
        return self._sequence.run_of(position) + 1

    def refresh(self) -> int:
        """See `PaneDocument.refresh`; adds one slice of frames."""
        before, self._heading = self._heading, heading(self._store, self.connection)
        first = self.read_slice()
        return first if before == self._heading else 0

    def read_slice(self) -> int:
        """Add one slice of frames; return the first block that may have changed."""
        return self._sequence.update(_FRAMES_PER_SLICE) + 1

    def copied(self, mask: Mask = NO_MASK) -> tuple[str, str]:
        """Return the diagram as text."""
        blocks = (self.block(index) for index in range(len(self)))
        lines = (text_line(line, mask=mask) for block in blocks for line in block.lines)
        return "\n".join(lines), f"the sequence of connection {self.connection}"


def _first_difference(before: tuple[ConnectionFact, ...], after: tuple[ConnectionFact, ...]) -> int:
    pairs = enumerate(zip(before, after, strict=False))
    return next((index for index, (old, new) in pairs if old != new), min(len(before), len(after)))
