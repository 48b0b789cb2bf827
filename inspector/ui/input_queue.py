"""The order of what is typed, clicked and pasted: each goes where the one before it has led to.

Textual passes a key on to what has the focus when the key is read, not when the keys before it have been handled. Of
`/word`, read at once, all would go to the list, whose `/` then moves the focus to the filter, and `word` would be lost.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final

from textual.app import App, ScreenStackError
from textual.dom import DOMNode
from textual.errors import NoWidget
from textual.events import (
    Event,
    MouseEvent,
    MouseMove,
    MouseScrollDown,
    MouseScrollLeft,
    MouseScrollRight,
    MouseScrollUp,
)

_NEVER_FOCUSES: Final = (MouseMove, MouseScrollDown, MouseScrollUp, MouseScrollLeft, MouseScrollRight)
_ROUNDS: Final = 2
"""A key is handled in the first one; the messages that this leads to, which may move the focus too, in the second."""
_PATIENCE_SECONDS: Final = 3.0
"""A widget that takes longer hangs: the keys that end the app, which do not depend on it, must not."""


class InputQueue:
    """Holds events until those before them have been handled and the focus has come to rest."""

    def __init__(self, app: App[Any], deliver: Callable[[Event], Awaitable[None]]) -> None:
        self._app = app
        self._deliver = deliver
        self._held: deque[Event] = deque()
        self._settling: asyncio.Task[None] | None = None

    @property
    def is_empty(self) -> bool:
        """True when every event has been delivered, and the last one has been handled."""
        return self._settling is None and not self._held

    async def add(self, event: Event) -> None:
        """Deliver an event, now or behind those that are held."""
        self._held.append(event)
        if self._settling is None:
            await self._deliver_next()

    async def _deliver_next(self) -> None:
        """Deliver up to the first event that may move the focus."""
        self._settling = None
        while self._held and self._settling is None:
            event = self._held.popleft()
            receiver = self._receiver(event)
            if not isinstance(event, _NEVER_FOCUSES):
                self._settling = asyncio.create_task(self._settle(receiver))
            await self._deliver(event)

    async def _settle(self, receiver: DOMNode) -> None:
        """Wait until an event is handled, then have the next one delivered."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._rest(receiver)
        except TimeoutError:
            self._app.call_later(self._deliver_all)
        except ScreenStackError:
            return  # the app is ending
        else:
            self._app.call_later(self._deliver_next)

    async def _deliver_all(self) -> None:
        """Deliver what is held, as Textual does."""
        self._settling = None
        while self._held:
            await self._deliver(self._held.popleft())

    async def _rest(self, receiver: DOMNode) -> None:
        """Wait until the focus stays where it is while all is handled that there is to be handled."""
        rounds = 0
        while rounds < _ROUNDS:
            focus = self._focus()
            await self._handled(receiver)
            if focus is not receiver:
                await self._handled(focus)
            rounds = rounds + 1 if self._focus() is focus else 0

    async def _handled(self, node: DOMNode) -> None:
        """Wait until a node has handled the messages that it has by now, and then those above it, to which they bubble.

        A node that is being removed takes no more messages, and handles those that it has taken.
        """
        for each in (*(above for above in node.ancestors_with_self if above is not self._app), self._app):
            is_handled = asyncio.Event()
            if each.call_later(is_handled.set):
                await is_handled.wait()

    def _focus(self) -> DOMNode:
        return self._app.focused or self._app.screen

    def _receiver(self, event: Event) -> DOMNode:
        if isinstance(event, MouseEvent):
            try:
                return self._app.mouse_captured or self._app.get_widget_at(event.x, event.y)[0]
            except NoWidget:
                return self._app.screen
        return self._focus()
