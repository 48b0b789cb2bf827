"""The calls that run, and which of them the keys are about: the one that was picked, else the latest of a method."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.ui.sent_call import SentCall


class RunningCalls:
    """Calls that were sent and are not over, the earliest first."""

    def __init__(self) -> None:
        self._calls: list[SentCall] = []
        self._picked: SentCall | None = None

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[SentCall]:
        return iter(self._calls)

    def add(self, call: SentCall) -> None:
        """A call that is going to be run: keys are about it from now on."""
        self._calls.append(call)
        self._picked = None

    def remove(self, call: SentCall) -> None:
        """A call is over."""
        self._calls.remove(call)
        if self._picked is call:
            self._picked = None

    def pick(self, call: SentCall) -> None:
        """Let keys be about this call, until another one begins."""
        self._picked = call if call in self._calls else None

    def open_call(self, path: str) -> SentCall | None:
        """The call of a method that further messages go to."""
        return next((call for call in self._likeliest() if call.method.path == path and call.takes_more), None)

    def current(self, path: str | None) -> SentCall | None:
        """The call that keys are about: one of this method, else any."""
        found = list(self._likeliest())
        return next((call for call in found if call.method.path == path), found[0] if found else None)

    def place(self, call: SentCall) -> int:
        """Which of its method's calls a call is, counted from 1."""
        return [each for each in self._calls if each.method.path == call.method.path].index(call) + 1

    def of_method(self, path: str) -> int:
        """How many calls of a method run."""
        return sum(call.method.path == path for call in self._calls)

    def _likeliest(self) -> Iterator[SentCall]:
        if self._picked is not None:
            yield self._picked
        yield from reversed(self._calls)
