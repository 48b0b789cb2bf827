"""What the right pane's tabs show, as documents of blocks: a call's steps, a frame, its messages, its bytes.

Each is made for one frame and asked only for the blocks that are looked at. How each line reads is the views' business.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from functools import partial
from typing import Final, Protocol

from inspector.model.call import StreamKey
from inspector.schema.catalog import Catalog
from inspector.schema.payload import Format
from inspector.store.store import Store
from inspector.ui.widgets.layout import Block
from inspector.views.as_text import follow_lines
from inspector.views.bytes import BytesLine, dump
from inspector.views.detail import frame_detail, message_detail
from inspector.views.follow import Follow
from inspector.views.reading import first_ending_at
from inspector.views.spans import Line, Span, Tone, plain
from inspector.views.steps import Step
from inspector.views.text import counted

_GAP: Final = Span("  ")
_BODY_INDENT: Final = 2


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

    def copied(self) -> tuple[str, str]:
        """The text for the clipboard, and what it is."""


class FollowDocument:
    """A heading, then each step of a call."""

    def __init__(self, store: Store, catalog: Catalog, key: StreamKey, form: Format | None = None) -> None:
        """`form` is the one in which messages are shown; None for the likeliest."""
        self._follow = Follow(store, catalog, key)
        self._form = form
        self.key = key

    def __len__(self) -> int:
        return len(self._follow) + 1

    def block(self, index: int) -> Block:
        """The heading with its notes, or a step, each with an empty line behind it."""
        if index == 0:
            asked = (
                () if self._form is None else (Line((Span(f"messages read as {self._form}, v goes on", Tone.WARN),)),)
            )
            return Block((Line(self._follow.heading()), *self._follow.notes(), *asked, Line()))
        return _step_block(self._follow.step(index - 1, form=self._form))

    def block_of(self, position: int) -> int | None:
        """The block of the step that shows a frame."""
        return self._follow.step_of(position) + 1

    def refresh(self) -> int:
        """Take in what the call has come to be."""
        return self._follow.update() + 1

    def copied(self) -> tuple[str, str]:
        """The stream as the headless `follow` prints it."""
        return "\n".join(follow_lines(self._follow)), f"stream {self.key}"


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

    def copied(self) -> tuple[str, str]:
        """The lines as text."""
        return "\n".join("  " * line.indent + line.text for line in self._lines), self._name


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

    def copied(self) -> tuple[str, str]:
        """The payload as hex digits."""
        payload = self._dump.payload
        return payload.hex(), f"{counted(len(payload), 'byte')} as hex"


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
        return catalog.revision
    messages = call.messages(store.side(frame))
    # A message of which the frame holds a part ends in a later one.
    ended = min(first_ending_at(messages, position + 1) + 1, len(messages))
    types = call.response_headers is None, call.trailers is None
    return catalog.revision, call.method, call.method_source, ended, types


def _step_block(step: Step) -> Block:
    title = Line((*step.title, Span("   "), *step.facts))
    body = (Line(line.spans, line.indent + _BODY_INDENT) for line in step.body)
    return Block((title, *body, Line()), step.position, is_titled=True)


def _bytes_spans(line: BytesLine, width: int) -> Iterator[Span]:
    yield Span(f"{line.offset:08x}", Tone.DIM)
    yield _GAP
    yield from line.hex
    yield Span(" " * (width * 3 - len(plain(line.hex))))
    yield _GAP
    yield from line.ascii
