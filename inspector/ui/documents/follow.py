"""A call's steps as a document. How each line reads is the views' business."""

from __future__ import annotations

from typing import Final

from inspector.model.call import StreamKey
from inspector.schema.catalog import Catalog
from inspector.schema.payload import Format
from inspector.store.store import Store
from inspector.ui.widgets.layout import Block
from inspector.views.as_text import follow_lines
from inspector.views.follow import Follow
from inspector.views.spans import Line, Span, Tone
from inspector.views.steps import Step

_BODY_INDENT: Final = 2


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


def _step_block(step: Step) -> Block:
    title = Line((*step.title, Span("   "), *step.facts))
    body = (Line(line.spans, line.indent + _BODY_INDENT) for line in step.body)
    return Block((title, *body, Line()), step.position, is_titled=True)
