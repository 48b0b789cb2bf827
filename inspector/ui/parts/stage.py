"""What the parts of a screen need of it: its voice, its dialogs, and what goes on behind it.

Owns the tasks that run behind the screen, and ends them with it. Knows nothing of captures and calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Protocol, TypeAlias, TypeVar

from textual.message import Message
from textual.screen import Screen

from inspector.ui.boundary import guarded
from inspector.ui.messages import ForScreen
from inspector.ui.screens.dialog import Dialog
from inspector.ui.widgets.notice import Notice
from inspector.views.text import clean

Result = TypeVar("Result")

Actions: TypeAlias = Mapping[str, Callable[..., object]]
"""What a part does for actions of the bindings table, by their names."""
Hears: TypeAlias = Mapping[type[ForScreen], Callable[[Any], object]]
"""What a part does about messages, by their classes."""


class Acting(Protocol):
    """A part that has actions."""

    @property
    def actions(self) -> Actions:
        """Some of those of the bindings table at `Place.SCREEN`."""


class Hearing(Protocol):
    """A part that sees to what widgets tell."""

    @property
    def hears(self) -> Hears:
        """Messages of these classes, of which no other part sees to any."""


class Stage:
    """A screen, as its parts see it."""

    def __init__(self, screen: Screen[None]) -> None:
        self._screen = screen
        self._tasks: set[asyncio.Task[None]] = set()

    def say(self, sentence: str) -> None:
        """Say something that went well, for a moment."""
        self._screen.notify(clean(sentence), markup=False, timeout=4)

    def tell(self, message: str, hint: str = "", title: str = "") -> None:
        """Say something that went wrong, until it is read; an empty message takes back what was said."""
        for notice in self._screen.query(Notice):  # none while the app ends
            notice.tell(message, hint, title)

    def ask(self, dialog: Dialog[Result], take: Callable[[Result], object]) -> None:
        """Show a dialog; `take` is given what it gives, if it gives anything."""

        def answered(result: Result | None) -> None:
            if result is not None:
                take(result)

        self._screen.app.push_screen(dialog, answered)

    def show(self, screen: Screen[None]) -> None:
        """Show another screen above this one."""
        self._screen.app.push_screen(screen)

    def write(self, sequence: str) -> None:
        """Send a sequence to the terminal as it is."""
        if (driver := self._screen.app._driver) is not None:
            driver.write(sequence)

    def post(self, message: Message) -> None:
        """Tell the screen, and the app behind it."""
        self._screen.post_message(message)

    def renew_keys(self) -> None:
        """Other keys may be of use now."""
        self._screen.refresh_bindings()

    def work(self, awaitable: Awaitable[object]) -> asyncio.Task[None]:
        """Do something behind the screen; where it fails, say so. The task may be cancelled."""
        # No worker of Textual's: those are cancelled at the end, but nobody waits until their children are gone.
        task = asyncio.create_task(guarded(awaitable, self.tell))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def work_anew(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Do something between keys, in place of what is still being done by the same name."""
        self._screen.run_worker(work, group=name, exclusive=True)

    async def drawn(self) -> None:
        """Wait until what keys have led to is on the terminal."""
        is_drawn = asyncio.Event()
        self._screen.call_after_refresh(is_drawn.set)
        await is_drawn.wait()

    def every(self, seconds: float, look: Callable[[], None]) -> None:
        """Do something now and then."""
        self._screen.set_interval(seconds, look)

    async def end(self) -> None:
        """Break off what is being done behind the screen, and wait until it has ended."""
        for task in (tasks := set(self._tasks)):
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
