"""The list of calls, in which a call unfolds into its steps, and a message into its frames."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any, Final, NamedTuple, TypeAlias

from inspector.model.call import Message, StreamKey
from inspector.present.export.text import row_line
from inspector.present.rows import CALL_COLUMNS, Branches, CallRow, call_row
from inspector.present.spans import Span, plain
from inspector.schema.catalog import Catalog
from inspector.store.filters.call_selection import CallSelection
from inspector.store.filters.sorting import CallOrder
from inspector.ui.feed import Feed
from inspector.ui.subject import FrameAt, Subject, of_call
from inspector.ui.widgets.rows import FOLDED, UNFOLDED, SortOrder, Spanning


class StepKey(NamedTuple):
    """The key of a step of an unfolded call."""

    call: StreamKey
    step: int


class PartKey(NamedTuple):
    """The key of a frame of an unfolded message."""

    call: StreamKey
    step: int
    position: int


BranchKey: TypeAlias = StepKey | PartKey


class Unfolded:
    """An unfolded call and its unfolded messages."""

    def __init__(self, key: StreamKey, branches: Branches) -> None:
        self.branches = branches
        self._key = key
        self._frames: dict[int, tuple[int, ...]] = {}
        """The frames of the unfolded messages by step, in the order of the steps."""
        self._messages: dict[int, Message | None] = {}

    def __len__(self) -> int:
        return len(self.branches) + sum(map(len, self._frames.values()))

    def update(self) -> None:
        """Update the steps. A message that is recorded late shifts the steps after it, which are folded then."""
        self.branches.update()
        for step in list(self._frames):
            if step >= len(self.branches) or self.branches.entry(step).message is not self._messages[step]:
                del self._frames[step]

    @property
    def is_gone(self) -> bool:
        """True if the call was evicted."""
        return self.branches.is_gone

    def is_open(self, step: int) -> bool:
        """Return whether the message of a step is unfolded."""
        return step in self._frames

    def open(self, step: int) -> None:
        """Unfold the message of a step, if it has one."""
        if frames := self.branches.frames(step):
            self._messages[step] = self.branches.entry(step).message
            self._frames = dict(sorted({**self._frames, step: frames}.items()))

    def close(self, step: int) -> None:
        """Fold the message of a step."""
        self._frames.pop(step, None)

    def key_at(self, row: int) -> BranchKey:
        """Return the key of a row, counted from the first one below the call."""
        before = 0
        for step, frames in self._frames.items():
            first = step + 1 + before
            if row < first:
                break
            if row < first + len(frames):
                return PartKey(self._key, step, frames[row - first])
            before += len(frames)
        return StepKey(self._key, row - before)

    def row_of(self, key: BranchKey) -> int:
        """Return the row of a key, or that of its step if the message is folded."""
        before = sum(len(frames) for step, frames in self._frames.items() if step < key.step)
        row, frames = min(key.step, len(self.branches) - 1) + before, self._frames.get(key.step, ())
        return row + 1 + frames.index(key.position) if isinstance(key, PartKey) and key.position in frames else row


class UnfoldedCalls:
    """The unfolded calls among those that match the filter, in their order."""

    def __init__(self, calls: CallSelection) -> None:
        self._calls = calls
        self._unfolded: dict[StreamKey, Unfolded] = {}
        self._arranged: list[tuple[int, Unfolded]] = []
        self._arranged_at = -1

    def __len__(self) -> int:
        """Return the number of rows below calls."""
        return sum(len(each) for _, each in self._shown())

    def of(self, call: StreamKey) -> Unfolded | None:
        """Return a call if it is unfolded."""
        return self._unfolded.get(call)

    def open(self, call: StreamKey, branches: Branches) -> None:
        """Unfold a call."""
        self._unfolded.setdefault(call, Unfolded(call, branches))
        self._arranged_at = -1

    def close(self, call: StreamKey) -> None:
        """Fold a call."""
        self._unfolded.pop(call, None)
        self._arranged_at = -1

    def above(self, row: int) -> int:
        """Return the number of rows that are unfolded above the call with an index."""
        return sum(len(each) for call, each in self._shown() if call < row)

    def find(self, row: int) -> int | BranchKey:
        """Return what a row shows: the index of a call, or the key of a step or frame."""
        before = 0
        for call, each in self._shown():
            first = call + 1 + before
            if row < first:
                break
            if row < first + len(each):
                return each.key_at(row - first)
            before += len(each)
        return row - before

    def _shown(self) -> list[tuple[int, Unfolded]]:
        """Return the unfolded calls that match the filter, each with its index, in order."""
        if self._arranged_at != self._calls.revision:
            self._arranged_at = self._calls.revision
            self._arranged = sorted(self._with_rows(), key=lambda each: each[0])
        return self._arranged

    def _with_rows(self) -> Iterator[tuple[int, Unfolded]]:
        for key, each in list(self._unfolded.items()):
            if each.is_gone:
                del self._unfolded[key]
            elif (row := self._calls.row_of(key)) is not None:
                each.update()
                yield row, each


_START: Final = SortOrder(1)


class CallRows:
    """The calls that match the filter. The key of a row is the stream of its call."""

    columns = CALL_COLUMNS.columns
    orders = tuple(
        SortOrder(index, column.largest_first) for index, column in enumerate(CALL_COLUMNS.columns) if column.sort_value
    )

    def __init__(self, feed: Feed, catalog: Catalog) -> None:
        self._feed = feed
        self._catalog = catalog
        self.order = _START

    def __len__(self) -> int:
        return len(self._feed.calls.keys)

    @property
    def grows_at_end(self) -> bool:
        """True if calls are sorted by their start."""
        return self.order == _START

    def sort(self, order: SortOrder) -> Iterator[object]:
        """Sort by a column, some calls at each step."""
        self.order, catalog, by = order, self._catalog, None
        value = self.columns[order.column].sort_value
        if value is not None and not self.grows_at_end:
            by = CallOrder(lambda call: value(call, catalog), order.descending)
        return self._feed.calls.sort(by)

    def key(self, row: int) -> Any:
        """Return the stream of a row's call. Any: `CallTreeRows` has keys of other types too."""
        return self._feed.calls.keys[row]

    def near(self, key: StreamKey) -> int:
        """Return the row of a call, or of the next one that matches the filter, or the last row."""
        return min(self._feed.calls.nearest_row(key), len(self._feed.calls.keys) - 1)

    def version(self, key: StreamKey) -> Hashable:
        """Return a value that is equal as long as the row looks the same."""
        feed = self._feed
        version = CALL_COLUMNS.version(feed.store, feed.store.calls[key])
        return self._catalog.revision, feed.time_style, feed.time_reference, version

    def row(self, key: StreamKey) -> CallRow:
        """Return the row of a call."""
        return call_row(self._feed.store, self._catalog, key, self._feed.times)

    def subject(self, key: StreamKey) -> Subject:
        """Return the first frame of the call."""
        return of_call(self._feed.store, key)

    def key_of(self, subject: Subject) -> Any:
        """Return the call of a frame."""
        call = subject.call(self._feed.store) if isinstance(subject, FrameAt) else None
        return None if call is None else call.key

    def text(self, key: StreamKey) -> tuple[str, str]:
        """Return the line that `calls` prints."""
        return row_line(CALL_COLUMNS, self.row(key)), f"the row of call {key}"


RowKey: TypeAlias = StreamKey | BranchKey


class CallTreeRows(CallRows):
    """Calls with the rows that are unfolded below them."""

    def __init__(self, feed: Feed, catalog: Catalog) -> None:
        super().__init__(feed, catalog)
        self._unfolded = UnfoldedCalls(feed.calls)

    def __len__(self) -> int:
        return super().__len__() + len(self._unfolded)

    def key(self, row: int) -> Any:
        """Return the key of a call, a step or a frame."""
        found = self._unfolded.find(row)
        return super().key(found) if isinstance(found, int) else found

    def near(self, key: RowKey) -> int:
        """Return the row of a key, or that of its call if it is folded, or of the next call that matches the filter."""
        call = _call(key)
        row = super().near(call)
        below = 0
        if not isinstance(key, StreamKey) and self._feed.calls.row_of(call) is not None:
            unfolded = self._unfolded.of(call)
            below = 0 if unfolded is None else 1 + unfolded.row_of(key)
        return row + self._unfolded.above(row) + below

    def version(self, key: RowKey) -> Hashable:
        """Return the version of the call, with which all rows below it change."""
        return super().version(_call(key))

    def row(self, key: RowKey) -> Any:
        """Return the row of a call, or the line of a step or frame."""
        return super().row(key) if isinstance(key, StreamKey) else Spanning(self._line(key))

    def subject(self, key: RowKey) -> Subject:
        """Return the first frame of a call or step, or a frame itself."""
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
        """Return the step of a frame if its call is unfolded, else the call."""
        call = super().key_of(subject)
        unfolded = None if call is None else self._unfolded.of(call)
        if unfolded is None or not isinstance(subject, FrameAt) or not len(unfolded):
            return call
        return StepKey(call, unfolded.branches.step_of(subject.position))

    def text(self, key: RowKey) -> tuple[str, str]:
        """Return a row as a line of text."""
        if isinstance(key, StreamKey):
            return super().text(key)
        return plain(self.row(key).spans).strip(), f"a row of call {key.call}"

    def fold_mark(self, key: RowKey) -> str:
        """Return the mark before a call or message, or a blank."""
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
        """Fold the message of a row if it is unfolded, else the call."""
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
