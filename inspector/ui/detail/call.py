"""Documents of the right side about a call: its steps, its timing, and the traces of the client."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import Final, NamedTuple

from inspector.model.call import StreamKey
from inspector.model.secrets import NO_MASK, Mask
from inspector.present.client_trace import WHY, ClientTrace
from inspector.present.export.text import follow_lines, text_line
from inspector.present.follow import Follow, Shown, Step
from inspector.present.spans import Line, Span, Tone
from inspector.present.timing import Timing, TimingFact
from inspector.schema.catalog import Catalog
from inspector.schema.decode import Format
from inspector.store.store import Store
from inspector.ui.subject import ClientTraces
from inspector.ui.widgets.layout import DocumentBlock

_BODY_INDENT: Final = 2


class FollowDocument:
    """A heading, notes on the whole call, then each of its steps."""

    def __init__(self, store: Store, catalog: Catalog, key: StreamKey, form: Format | None = None) -> None:
        """Show messages in the format `form`; None selects the most likely one."""
        self._follow = Follow(store, catalog, key)
        self._form = form
        self._head = self._make_head()
        self.key = key

    def __len__(self) -> int:
        return len(self._follow) + len(self._head)

    def block(self, index: int) -> DocumentBlock:
        """Return the heading, the notes, which lead to the frame that proves the diagnosis, or a step."""
        if index < len(self._head):
            return self._head[index]
        return _step_block(self._follow.step(index - len(self._head), Shown(form=self._form)))

    def block_of(self, position: int) -> int | None:
        """Return the step that shows a frame."""
        return self._follow.step_of(position) + len(self._head)

    def refresh(self) -> int:
        """See `PaneDocument.refresh`."""
        first, before = self._follow.update() + len(self._head), self._head
        self._head = self._make_head()
        return first if self._head == before else 0

    def _make_head(self) -> tuple[DocumentBlock, DocumentBlock]:
        follow, form = self._follow, self._form
        form_line = () if form is None else (Line((Span(f"messages read as {form}, v goes on", Tone.WARN),)),)
        diagnosis = follow.why()
        position = diagnosis.frames[0] if diagnosis is not None and diagnosis.frames else None
        notes = DocumentBlock((*follow.notes(), *form_line, Line()), position)
        return DocumentBlock((Line(follow.heading()),)), notes

    def copied(self, mask: Mask = NO_MASK) -> tuple[str, str]:
        """Return the call as the command `follow` prints it."""
        return "\n".join(follow_lines(self._follow, mask=mask)), f"stream {self.key}"


def _step_block(step: Step) -> DocumentBlock:
    title = Line((*step.title, Span("   "), *step.facts))
    body = (Line(line.spans, line.indent + _BODY_INDENT) for line in step.body)
    return DocumentBlock((title, *body, Line()), step.position, is_titled=True)


class TimingDocument:
    """The course of a call as a strip `width` cells wide, and its times."""

    def __init__(self, store: Store, key: StreamKey, width: int) -> None:
        self.key = key
        self._timing, self._width = Timing(store, key), width
        self._facts = self._make_facts()

    def __len__(self) -> int:
        return len(self._facts)

    def block(self, index: int) -> DocumentBlock:
        """Return a line, which may lead to a frame."""
        fact = self._facts[index]
        return DocumentBlock((fact.line,), fact.position)

    def block_of(self, position: int) -> int | None:
        """Return the line about a frame; None for a frame without a line."""
        return next((index for index, fact in enumerate(self._facts) if fact.position == position), None)

    def refresh(self) -> int:
        """See `PaneDocument.refresh`; any change moves the whole strip."""
        self._timing.update()
        self._facts = self._make_facts()
        return 0

    def copied(self, mask: Mask = NO_MASK) -> tuple[str, str]:  # noqa: ARG002 - times are not secret
        """Return the lines as text."""
        return "\n".join(fact.line.text for fact in self._facts), f"the times of call {self.key}"

    def _make_facts(self) -> tuple[TimingFact, ...]:
        above = (self._timing.heading(), Line(), *self._timing.strip(self._width), Line())
        return (*map(TimingFact, above), *self._timing.facts())


_DESCRIPTION: Final = "the client's account"


class _TraceState(NamedTuple):
    """What the blocks of a trace depend on."""

    trace: ClientTrace
    dropped: int
    """Messages that were in the trace and were removed."""
    messages: int
    is_over: bool

    @property
    def blocks(self) -> int:
        return 1 + self.messages + self.is_over


class ClientTraceDocument:
    """A remark, then for each trace a block for its start, for each message, and for its outcome."""

    def __init__(self, traces: ClientTraces, form: Format | None = None) -> None:
        """Show messages in the format `form`; None selects the most likely one."""
        self._traces, self._form = traces, form
        self._states: list[_TraceState] = []
        self._ends: list[int] = []
        """For each trace, the index of the block after its last one."""
        self.refresh()

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 1

    def block(self, index: int) -> DocumentBlock:
        """Return the remark, or a part of a trace, each with an empty line after it."""
        if index == 0:
            form = "" if self._form is None else f" Messages are read as {self._form}, v goes on."
            return DocumentBlock((Line((Span(WHY + form, Tone.DIM),)), Line()))
        number = next(number for number, end in enumerate(self._ends) if index < end)
        state = self._states[number]
        lines = self._lines(state, index - (self._ends[number] - state.blocks))
        return DocumentBlock((*lines, Line()), is_titled=True)

    def block_of(self, position: int) -> int | None:  # noqa: ARG002 - see PaneDocument
        """Return None: the client does not know of frames."""
        return None

    def refresh(self) -> int:
        """See `PaneDocument.refresh`."""
        before, self._states = self._states, [_state_of(trace) for trace in self._traces]
        self._ends = list(accumulate((state.blocks for state in self._states), initial=1))[1:]
        for old, new, end in zip(before, self._states, self._ends, strict=False):
            if old != new:
                is_same = (old.trace, old.dropped) == (new.trace, new.dropped)
                return end - new.blocks + (1 + old.messages if is_same else 0)
        return self._ends[len(before) - 1] if before else 0

    def copied(self, mask: Mask = NO_MASK) -> tuple[str, str]:
        """Return all traces as text."""
        blocks = (self.block(index) for index in range(len(self)))
        return "\n".join(text_line(line, mask=mask) for block in blocks for line in block.lines), _DESCRIPTION

    def _lines(self, state: _TraceState, part: int) -> Iterator[Line]:
        trace = state.trace
        if part == 0:
            return trace.beginning()
        if part <= state.messages:
            # The slice is empty if the message was removed after the last refresh.
            return (
                line
                for message in trace.passed[part - 1 : part]
                for line in trace.message(message, Shown(form=self._form))
            )
        return trace.ending()


def _state_of(trace: ClientTrace) -> _TraceState:
    return _TraceState(trace, trace.left_out + trace.taken_back, len(trace.passed), trace.outcome is not None)
