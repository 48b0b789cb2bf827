"""What controllers need of the screen: notices, dialogs, tables of actions, and error handling."""

from __future__ import annotations

import asyncio
import os
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar

import platformdirs
from textual.message import Message
from textual.screen import Screen

from inspector.errors import InspectorError, shortage
from inspector.text import clean
from inspector.ui.dialogs.base import Dialog
from inspector.ui.messages import ForScreen
from inspector.ui.widgets.notice import Notice

_PRIVATE = 0o600


async def guarded(work: Awaitable[object], tell: Callable[[str, str], None]) -> None:
    """Wait for a piece of work; where it fails, tell why and what to do instead of raising."""
    try:
        await work
    except InspectorError as error:
        tell(error.message, error.hint)
    except Exception as error:  # noqa: BLE001 - the named boundary
        tell(*explain(error))


def explain(error: BaseException) -> tuple[str, str]:
    """A sentence and a hint for an error that nobody expected; its traceback goes to a file."""
    known = error if isinstance(error, InspectorError) else shortage(error)
    if known is not None:
        return known.message, known.hint
    path = platformdirs.user_state_path("grpc-inspector") / "error.log"
    sentence = f"grpc-inspector has a fault: {type(error).__name__}: {error}"
    try:
        _write(path, "".join(traceback.format_exception(error)))
    except OSError:
        return sentence, "Its details could not be written to a file."
    return sentence, f"The details are in {path}; please report them."


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)


Result = TypeVar("Result")

Actions: TypeAlias = Mapping[str, Callable[..., object]]
"""What a part does for actions of the bindings table, by their names."""
Hears: TypeAlias = Mapping[type[ForScreen], Callable[[Any], object]]
"""What a part does about messages, by their classes."""


class ActionTable(Protocol):
    """A part that has actions."""

    @property
    def actions(self) -> Actions:
        """Some of those of the bindings table at `Place.SCREEN`."""


class MessageTable(Protocol):
    """A part that sees to what widgets tell."""

    @property
    def hears(self) -> Hears:
        """Messages of these classes, of which no other part sees to any."""


class ScreenContext:
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
