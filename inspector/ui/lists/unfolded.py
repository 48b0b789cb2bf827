"""Which calls and messages are unfolded, and in which rows stands what they unfold into.

Counts only what is unfolded: a hundred thousand calls, or a call of as many messages, cost nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from inspector.model.call import StreamKey
from inspector.model.message import Message
from inspector.store.selection import CallSelection
from inspector.views.branches import Branches


class StepKey(NamedTuple):
    """A step of an unfolded call."""

    call: StreamKey
    step: int


class PartKey(NamedTuple):
    """A frame of an unfolded message."""

    call: StreamKey
    step: int
    position: int


BranchKey: TypeAlias = StepKey | PartKey


class Unfolded:
    """An unfolded call, with the frames of those of its messages that are unfolded too."""

    def __init__(self, key: StreamKey, branches: Branches) -> None:
        self.branches = branches
        self._key = key
        self._frames: dict[int, tuple[int, ...]] = {}
        """By step, in the order of the steps."""
        self._messages: dict[int, Message | None] = {}

    def __len__(self) -> int:
        return len(self.branches) + sum(map(len, self._frames.values()))

    def update(self) -> None:
        """Take in what came. A message that was told late moves the steps behind it: those fold."""
        self.branches.update()
        for step in list(self._frames):
            if step >= len(self.branches) or self.branches.entry(step).message is not self._messages[step]:
                del self._frames[step]

    @property
    def is_gone(self) -> bool:
        """True when the call is not kept any more."""
        return self.branches.is_gone

    def is_open(self, step: int) -> bool:
        """True for a message that is unfolded."""
        return step in self._frames

    def open(self, step: int) -> None:
        """Unfold a message; a step that is a frame itself has nothing to unfold."""
        if frames := self.branches.frames(step):
            self._messages[step] = self.branches.entry(step).message
            self._frames = dict(sorted({**self._frames, step: frames}.items()))

    def close(self, step: int) -> None:
        """Fold a message."""
        self._frames.pop(step, None)

    def key_at(self, row: int) -> BranchKey:
        """What stands in a row, counted from the first one below the call's."""
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
        """The row of a key, or of the step that it was a part of."""
        before = sum(len(frames) for step, frames in self._frames.items() if step < key.step)
        row, frames = min(key.step, len(self.branches) - 1) + before, self._frames.get(key.step, ())
        return row + 1 + frames.index(key.position) if isinstance(key, PartKey) and key.position in frames else row


class UnfoldedCalls:
    """The unfolded ones among calls that are shown in some order."""

    def __init__(self, calls: CallSelection) -> None:
        self._calls = calls
        self._unfolded: dict[StreamKey, Unfolded] = {}
        self._arranged: list[tuple[int, Unfolded]] = []
        self._arranged_at = -1

    def __len__(self) -> int:
        """How many rows there are besides those of calls."""
        return sum(len(each) for _, each in self._shown())

    def of(self, call: StreamKey) -> Unfolded | None:
        """What a call unfolds into, where it is unfolded."""
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
        """How many rows are unfolded above the call of a row among the calls."""
        return sum(len(each) for call, each in self._shown() if call < row)

    def find(self, row: int) -> int | BranchKey:
        """What stands in a row: a call, by its row among the calls, or a part of one."""
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
        """Those that the filter lets through, with their rows among the calls, from the first to the last."""
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
