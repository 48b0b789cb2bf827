"""The client's accounts as a document, one below the other. What each of them says is the views' business."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import Final, NamedTuple

from inspector.model.secrets import NO_MASK, Mask
from inspector.schema.forms import Format
from inspector.ui.accounts import Accounts
from inspector.ui.widgets.layout import Block
from inspector.views.account import WHY, Account
from inspector.views.as_text import text_line
from inspector.views.spans import Line, Span, Tone
from inspector.views.steps import Shown

_NAME: Final = "the client's account"


class _Shape(NamedTuple):
    """What the blocks of an account depend on."""

    account: Account
    gone: int
    """Messages that were there and are no more."""
    passed: int
    is_over: bool

    @property
    def blocks(self) -> int:
        return 1 + self.passed + self.is_over


class AccountsDocument:
    """What they are, then each account: how it began, its messages, how it ended."""

    def __init__(self, accounts: Accounts, form: Format | None = None) -> None:
        """`form` is the one in which messages are shown; None for the likeliest."""
        self._accounts, self._form = accounts, form
        self._shapes: list[_Shape] = []
        self._ends: list[int] = []
        self.refresh()

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 1

    def block(self, index: int) -> Block:
        """The remark above, or a part of an account, each with an empty line behind it."""
        if index == 0:
            form = "" if self._form is None else f" Messages are read as {self._form}, v goes on."
            return Block((Line((Span(WHY + form, Tone.DIM),)), Line()))
        at = next(at for at, end in enumerate(self._ends) if index < end)
        shape = self._shapes[at]
        lines = self._lines(shape, index - (self._ends[at] - shape.blocks))
        return Block((*lines, Line()), is_titled=True)

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


def _shape(account: Account) -> _Shape:
    return _Shape(account, account.left_out + account.taken_back, len(account.passed), account.outcome is not None)
