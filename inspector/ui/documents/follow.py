"""A call's steps as a document. How each line reads is the views' business."""

from __future__ import annotations

from typing import Final

from inspector.model.call import StreamKey
from inspector.model.secrets import NO_MASK, Mask
from inspector.schema.catalog import Catalog
from inspector.schema.payload import Format
from inspector.store.store import Store
from inspector.ui.widgets.layout import Block
from inspector.views.as_text import follow_lines
from inspector.views.follow import Follow
from inspector.views.spans import Line, Span, Tone
from inspector.views.steps import Shown, Step

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

    def block(self, index: int) -> Block:
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

    def _read_lead(self) -> tuple[Block, Block]:
        view, form = self._follow, self._form
        asked = () if form is None else (Line((Span(f"messages read as {form}, v goes on", Tone.WARN),)),)
        found = view.why()
        position = found.frames[0] if found is not None and found.frames else None
        return Block((Line(view.heading()),)), Block((*view.notes(), *asked, Line()), position)

    def copied(self, mask: Mask = NO_MASK) -> tuple[str, str]:
        """Return the stream as the headless `follow` prints it."""
        return "\n".join(follow_lines(self._follow, mask=mask)), f"stream {self.key}"


def _step_block(step: Step) -> Block:
    title = Line((*step.title, Span("   "), *step.facts))
    body = (Line(line.spans, line.indent + _BODY_INDENT) for line in step.body)
    return Block((title, *body, Line()), step.position, is_titled=True)
