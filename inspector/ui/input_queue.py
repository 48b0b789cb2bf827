"""Delivers keys, clicks and pastes one by one, each after all effects of the previous one.

Textual sends a key to the widget that has the focus when the key is read, even if earlier keys are still to be handled.
When `/word` is read at once, all of it goes to the list. Its `/` moves the focus to the filter, but `word` is lost.
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
"""The key is handled in the first one, and the messages that it causes, which may move the focus too, in the second."""
_TIMEOUT_SECONDS: Final = 3.0
"""A widget that takes longer hangs. Then events are delivered at once, so that the keys that end the app still work."""


class InputQueue:
    """Holds input events until the previous one has been handled and the focus does not move any more."""

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
        """Deliver an event, now or after those that are held."""
        self._held.append(event)
        if self._settling is None:
            await self._deliver_next()

    async def _deliver_next(self) -> None:
        """Deliver held events, up to and including the first that may move the focus."""
        self._settling = None
        while self._held and self._settling is None:
            event = self._held.popleft()
            receiver = self._receiver(event)
            if not isinstance(event, _NEVER_FOCUSES):
                self._settling = asyncio.create_task(self._settle(receiver))
            await self._deliver(event)

    async def _settle(self, receiver: DOMNode) -> None:
        """Wait until an event is handled, then deliver the next one."""
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                await self._wait_until_settled(receiver)
        except TimeoutError:
            self._app.call_later(self._deliver_all)
        except ScreenStackError:
            return  # the app is ending
        else:
            self._app.call_later(self._deliver_next)

    async def _deliver_all(self) -> None:
        """Deliver all held events at once, as Textual does."""
        self._settling = None
        while self._held:
            await self._deliver(self._held.popleft())

    async def _wait_until_settled(self, receiver: DOMNode) -> None:
        """Wait until all pending messages are handled without the focus moving."""
        rounds = 0
        while rounds < _ROUNDS:
            focus = self._focus()
            await self._wait_until_idle(receiver)
            if focus is not receiver:
                await self._wait_until_idle(focus)
            rounds = rounds + 1 if self._focus() is focus else 0

    async def _wait_until_idle(self, node: DOMNode) -> None:
        """Wait until a node has handled its pending messages, and then each of its ancestors, to which they bubble.

        A node that is being removed accepts no message: `call_later` returns False, and there is nothing to wait for.
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
