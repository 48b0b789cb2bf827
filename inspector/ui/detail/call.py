"""Documents about a call: follow, timing, and the client's trace."""

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
    """A heading, the notes on the whole, then each step of a call."""

    def __init__(self, store: Store, catalog: Catalog, key: StreamKey, form: Format | None = None) -> None:
        """`form` is the one in which messages are shown; None for the likeliest."""
        self._follow = Follow(store, catalog, key)
        self._form = form
        self._lead = self._read_lead()
        self.key = key

    def __len__(self) -> int:
        return len(self._follow) + len(self._lead)

    def block(self, index: int) -> DocumentBlock:
        """The heading, the notes, which lead to the frame that proves them, or a step."""
        if index < len(self._lead):
            return self._lead[index]
        return _step_block(self._follow.step(index - len(self._lead), Shown(form=self._form)))

    def block_of(self, position: int) -> int | None:
        """The block of the step that shows a frame."""
        return self._follow.step_of(position) + len(self._lead)

    def refresh(self) -> int:
        """Take in what the call has come to be."""
        first, before = self._follow.update() + len(self._lead), self._lead
        self._lead = self._read_lead()
        return first if self._lead == before else 0

    def _read_lead(self) -> tuple[DocumentBlock, DocumentBlock]:
        view, form = self._follow, self._form
        asked = () if form is None else (Line((Span(f"messages read as {form}, v goes on", Tone.WARN),)),)
        found = view.why()
        position = found.frames[0] if found is not None and found.frames else None
        return DocumentBlock((Line(view.heading()),)), DocumentBlock((*view.notes(), *asked, Line()), position)

    def copied(self, mask: Mask = NO_MASK) -> tuple[str, str]:
        """Return the stream as the headless `follow` prints it."""
        return "\n".join(follow_lines(self._follow, mask=mask)), f"stream {self.key}"


def _step_block(step: Step) -> DocumentBlock:
    title = Line((*step.title, Span("   "), *step.facts))
    body = (Line(line.spans, line.indent + _BODY_INDENT) for line in step.body)
    return DocumentBlock((title, *body, Line()), step.position, is_titled=True)


class TimingDocument:
    """The strip of a call that is `width` cells wide, and its figures."""

    def __init__(self, store: Store, key: StreamKey, width: int) -> None:
        self.key = key
        self._timing, self._width = Timing(store, key), width
        self._facts = self._made()

    def __len__(self) -> int:
        return len(self._facts)

    def block(self, index: int) -> DocumentBlock:
        """A line, and where it leads."""
        fact = self._facts[index]
        return DocumentBlock((fact.line,), fact.position)

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

    def _made(self) -> tuple[TimingFact, ...]:
        above = (self._timing.heading(), Line(), *self._timing.strip(self._width), Line())
        return (*map(TimingFact, above), *self._timing.facts())


_NAME: Final = "the client's account"


class _Shape(NamedTuple):
    """What the blocks of an account depend on."""

    account: ClientTrace
    gone: int
    """Messages that were there and are no more."""
    passed: int
    is_over: bool

    @property
    def blocks(self) -> int:
        return 1 + self.passed + self.is_over


class ClientTraceDocument:
    """What they are, then each account: how it began, its messages, how it ended."""

    def __init__(self, accounts: ClientTraces, form: Format | None = None) -> None:
        """`form` is the one in which messages are shown; None for the likeliest."""
        self._accounts, self._form = accounts, form
        self._shapes: list[_Shape] = []
        self._ends: list[int] = []
        self.refresh()

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 1

    def block(self, index: int) -> DocumentBlock:
        """The remark above, or a part of an account, each with an empty line behind it."""
        if index == 0:
            form = "" if self._form is None else f" Messages are read as {self._form}, v goes on."
            return DocumentBlock((Line((Span(WHY + form, Tone.DIM),)), Line()))
        at = next(at for at, end in enumerate(self._ends) if index < end)
        shape = self._shapes[at]
        lines = self._lines(shape, index - (self._ends[at] - shape.blocks))
        return DocumentBlock((*lines, Line()), is_titled=True)

    def block_of(self, position: int) -> int | None:  # noqa: ARG002 - no frame is known
        """No block shows a frame."""
        return None

    def refresh(self) -> int:
        """Take in what passed; the first block that may say something else now."""
        before, self._shapes = self._shapes, [_shape(each) for each in self._accounts]
        self._ends = list(accumulate((shape.blocks for shape in self._shapes), initial=1))[1:]
        for old, new, end in zip(before, self._shapes, self._ends, strict=False):
            if old != new:
                is_same = (old.account, old.gone) == (new.account, new.gone)
                return end - new.blocks + (1 + old.passed if is_same else 0)
        return self._ends[len(before) - 1] if before else 0

    def copied(self, mask: Mask = NO_MASK) -> tuple[str, str]:
        """Return all of it as text."""
        blocks = (self.block(index) for index in range(len(self)))
        return "\n".join(text_line(line, mask=mask) for block in blocks for line in block.lines), _NAME

    def _lines(self, shape: _Shape, part: int) -> Iterator[Line]:
        account = shape.account
        if part == 0:
            return account.beginning()
        if part <= shape.passed:
            # One may have been taken back since, and not be refreshed away yet.
            return (
                line
                for passed in account.passed[part - 1 : part]
                for line in account.message(passed, Shown(form=self._form))
            )
        return account.ending()


def _shape(account: ClientTrace) -> _Shape:
    return _Shape(account, account.left_out + account.taken_back, len(account.passed), account.outcome is not None)
