"""Whose turn it is on the event loop: work behind the screen gives way to keys, for longer while any are pressed.

There is one event loop and one keyboard, whatever is read and whoever reads it.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final

_TURNS, _MANY_TURNS = 10, 60
"""Of the loop: a key goes through many hands before it is drawn, one at each turn."""
_LOOKED_AT: Final = 0.1
"""Seconds: whoever pressed a key waits for what comes of it, and may press the next one."""


class Keyboard:
    """Whether somebody waits for what comes of a key: then it is drawn before other work goes on."""

    def __init__(self) -> None:
        self._until = 0.0

    def note(self) -> None:
        """A key was pressed, or the mouse was used."""
        self._until = monotonic() + _LOOKED_AT

    @property
    def is_in_use(self) -> bool:
        """True for a moment after that."""
        return monotonic() < self._until


KEYBOARD: Final = Keyboard()


async def give_way() -> None:
    """Let the loop's other tasks have their turns: to read what is buffered already does not suspend."""
    for turn in range(_MANY_TURNS):
        if turn >= _TURNS and not KEYBOARD.is_in_use:
            break
        await asyncio.sleep(0)
