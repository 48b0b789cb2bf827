"""The list of calls, in which a call unfolds into its steps and a message into its frames.

Says what those rows say. Calls and their order are the business of `CallRows`, what stands where that of `unfolded`.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, TypeAlias

from inspector.model.call import StreamKey
from inspector.schema.catalog import Catalog
from inspector.ui.feed import Feed
from inspector.ui.lists.calls import CallRows
from inspector.ui.lists.rows import FOLDED, UNFOLDED
from inspector.ui.lists.unfolded import BranchKey, PartKey, StepKey, UnfoldedCalls
from inspector.ui.subject import FrameAt, Subject
from inspector.ui.widgets.painting import Spanning
from inspector.views.branches import Branches
from inspector.views.spans import Span, plain

RowKey: TypeAlias = StreamKey | BranchKey


class CallTreeRows(CallRows):
    """Calls, and what is unfolded below them."""

    def __init__(self, feed: Feed, catalog: Catalog) -> None:
        super().__init__(feed, catalog)
        self._unfolded = UnfoldedCalls(feed.calls)

    def __len__(self) -> int:
        return super().__len__() + len(self._unfolded)

    def key(self, row: int) -> Any:
        """What stands in a row."""
        found = self._unfolded.find(row)
        return super().key(found) if isinstance(found, int) else found

    def near(self, key: RowKey) -> int:
        """The row of a key, that of its call where it is folded, or of the next call that is shown."""
        call = _call(key)
        row = super().near(call)
        below = 0
        if not isinstance(key, StreamKey) and self._feed.calls.row_of(call) is not None:
            unfolded = self._unfolded.of(call)
            below = 0 if unfolded is None else 1 + unfolded.row_of(key)
        return row + self._unfolded.above(row) + below

    def version(self, key: RowKey) -> Hashable:
        """Steps change as their call does."""
        return super().version(_call(key))

    def row(self, key: RowKey) -> Any:
        """What a call says, or a line of what it unfolds into."""
        return super().row(key) if isinstance(key, StreamKey) else Spanning(self._line(key))

    def subject(self, key: RowKey) -> Subject:
        """The first frame of a call, or that of a step or a part."""
        if _call(key) not in self._feed.store.calls:
            return super().subject(_call(key))
        match key:
            case PartKey():
                return FrameAt(key.position)
            case StepKey():
                branches = self._branches(key)
                return FrameAt(branches.entry(min(key.step, len(branches) - 1)).position)
            case _:
                return super().subject(key)

    def key_of(self, subject: Subject) -> Any:
        """The step of a frame where its call is unfolded, else the call."""
        call = super().key_of(subject)
        unfolded = None if call is None else self._unfolded.of(call)
        if unfolded is None or not isinstance(subject, FrameAt) or not len(unfolded):
            return call
        return StepKey(call, unfolded.branches.step_of(subject.position))

    def text(self, key: RowKey) -> tuple[str, str]:
        """A row as a line of text."""
        if isinstance(key, StreamKey):
            return super().text(key)
        return plain(self.row(key).spans).strip(), f"a row of call {key.call}"

    def fold_mark(self, key: RowKey) -> str:
        """The mark before a call, or a message."""
        unfolded = self._unfolded.of(_call(key))
        match key:
            case StreamKey():
                is_open = unfolded is not None
            case StepKey() if unfolded is not None and unfolded.branches.entry(key.step).message is not None:
                is_open = unfolded.is_open(key.step)
            case _:
                return " "
        return UNFOLDED if is_open else FOLDED

    def unfold(self, key: RowKey) -> None:
        """Show the steps of a call, or the frames of a message."""
        if isinstance(key, StreamKey):
            self._unfolded.open(key, Branches(self._feed.store, self._catalog, key))
        elif isinstance(key, StepKey) and (unfolded := self._unfolded.of(key.call)) is not None:
            unfolded.open(key.step)

    def fold(self, key: RowKey) -> RowKey:
        """Fold a message that is unfolded, else the call."""
        call = _call(key)
        unfolded = self._unfolded.of(call)
        if unfolded is not None and not isinstance(key, StreamKey) and unfolded.is_open(key.step):
            unfolded.close(key.step)
            return StepKey(call, key.step)
        self._unfolded.close(call)
        return call

    def _branches(self, key: BranchKey) -> Branches:
        unfolded = self._unfolded.of(key.call)
        return Branches(self._feed.store, self._catalog, key.call) if unfolded is None else unfolded.branches

    def _line(self, key: BranchKey) -> tuple[Span, ...]:
        branches = self._branches(key)
        return branches.frame_line(key.position) if isinstance(key, PartKey) else branches.step_line(key.step)


def _call(key: RowKey) -> StreamKey:
    return key if isinstance(key, StreamKey) else key.call
