"""The calls in the order in which they started, as numbers that stay when calls go.

One for all that put the calls of a store in rows: to number a hundred thousand takes longer than a key may wait.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import count, takewhile

from inspector.model.call import Call, StreamKey


class Roll:
    """Numbers of calls. The store's own order is that of their start; what goes from it is to be struck off."""

    def __init__(self, calls: dict[StreamKey, Call]) -> None:
        self.count = 0
        """How many calls were numbered, which is the number of the next one."""
        self._calls = calls
        self._numbers: dict[StreamKey, int] = {}

    def learn(self) -> None:
        """Number those that came since."""
        known, calls = self._numbers, self._calls
        new = list(takewhile(lambda key: key not in known, reversed(calls)) if known else reversed(calls))
        known.update(zip(reversed(new), count(self.count), strict=False))
        self.count += len(new)

    def number(self, key: StreamKey, default: int = 0) -> int:
        """The number of a call, or something else for one that has none."""
        return self._numbers.get(key, default)

    def since(self, number: int) -> Collection[StreamKey]:
        """The calls that have this number or a later one, in their order."""
        if not number:
            return self._numbers.keys()
        found = list(takewhile(lambda key: self._numbers[key] >= number, reversed(self._numbers)))
        found.reverse()
        return found

    def strike(self, gone: Iterable[StreamKey]) -> None:
        """Forget calls that are not kept any more."""
        for key in gone:
            self._numbers.pop(key, None)
