"""How the screen and its controllers are connected, and how errors of background tasks are handled.

A controller receives its actions and messages through the `Dispatcher`, and acts on the screen through the
`ScreenContext`.
"""

from __future__ import annotations

import asyncio
import os
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

import platformdirs
from textual.dom import DOMNode
from textual.message import Message
from textual.screen import Screen

from inspector.errors import InspectorError, shortage
from inspector.text import clean
from inspector.ui.dialogs.base import Dialog
from inspector.ui.messages import ScreenMessage
from inspector.ui.widgets.notice import Notice

_PRIVATE = 0o600
_NOTIFICATION_SECONDS = 4


async def report_errors(work: Awaitable[object], report: Callable[[str, str], None]) -> None:
    """Await some work, and pass any error to `report` as a message and a hint instead of raising it."""
    try:
        await work
    except InspectorError as error:
        report(error.message, error.hint)
    except Exception as error:  # noqa: BLE001 - a task has no caller that could handle it
        report(*explain(error))


def explain(error: BaseException) -> tuple[str, str]:
    """Return a message and a hint for an unexpected error, and write its traceback to a file."""
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


Method: TypeAlias = Callable[..., object]
_ACTION: Final = "action_"
_HANDLER: Final = "on_"


class Dispatcher:
    """The actions and message handlers of several controllers, by name.

    Textual runs the action `save` by calling `action_save` on the widget or screen that the key belongs to, and handles
    a message `SaveRequested` by `on_save_requested`. The screen has about 35 actions and 16 messages, too many for one
    class. Methods of these names are on controllers instead, one controller for each subject.
    """

    def __init__(self, controllers: Iterable[object]) -> None:
        """Collect the methods `action_…` and `on_…`. Raise TypeError if two controllers have the same one."""
        controllers = tuple(controllers)
        self._actions = _methods(controllers, _ACTION)
        self._handlers = _methods(controllers, _HANDLER)
        self.actions = frozenset(name.removeprefix(_ACTION) for name in self._actions)
        """The names of the actions as in the key table, without `action_`."""

    def attach(self, node: DOMNode) -> None:
        """Make the actions attributes of a widget or screen, where Textual looks them up."""
        for name, method in self._actions.items():
            setattr(node, name, method)

    def handle(self, message: ScreenMessage) -> None:
        """Call the handler of a message; `handler_name` is Textual's, `on_save_requested` for `SaveRequested`."""
        self._handlers[message.handler_name](message)


def _methods(controllers: tuple[object, ...], prefix: str) -> dict[str, Method]:
    found: dict[str, Method] = {}
    for controller in controllers:
        for name in dir(type(controller)):
            if name.startswith(prefix):
                if name in found:
                    raise TypeError(f"two controllers have a method {name}")
                found[name] = getattr(controller, name)
    return found


Result = TypeVar("Result")


class ScreenContext:
    """The part of a screen that controllers use."""

    def __init__(self, screen: Screen[None]) -> None:
        self._screen = screen
        self._tasks: set[asyncio.Task[None]] = set()

    def notify(self, sentence: str) -> None:
        """Show a notification for a few seconds."""
        self._screen.notify(clean(sentence), markup=False, timeout=_NOTIFICATION_SECONDS)

    def show_notice(self, message: str, hint: str = "", title: str = "") -> None:
        """Show a message, usually an error, until the user dismisses it. An empty one removes the current message."""
        for notice in self._screen.query(Notice):  # there is none while the app exits
            notice.tell(message, hint, title)

    def push_dialog(self, dialog: Dialog[Result], on_result: Callable[[Result], object]) -> None:
        """Show a dialog, and call `on_result` unless it is cancelled."""

        def closed(result: Result | None) -> None:
            if result is not None:
                on_result(result)

        self._screen.app.push_screen(dialog, closed)

    def push_screen(self, screen: Screen[None]) -> None:
        """Show another screen on top of this one."""
        self._screen.app.push_screen(screen)

    def copy_to_clipboard(self, text: str) -> None:
        """Copy a text to the clipboard of the terminal."""
        self._screen.app.copy_to_clipboard(text)

    def post_message(self, message: Message) -> None:
        """Post a message to the screen, from which it bubbles to the app."""
        self._screen.post_message(message)

    def refresh_bindings(self) -> None:
        """Update the footer after an action became available or unavailable."""
        self._screen.refresh_bindings()

    def run_task(self, awaitable: Awaitable[object]) -> asyncio.Task[None]:
        """Run something in the background, and show its error if it fails. The task may be cancelled."""
        # Not a Textual worker: those are cancelled on exit, but nothing waits until their child processes have ended.
        task = asyncio.create_task(report_errors(awaitable, self.show_notice))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def run_exclusive(self, work: Coroutine[Any, Any, None], group: str) -> None:
        """Run something in the background, and cancel what still runs in the same group."""
        self._screen.run_worker(work, group=group, exclusive=True)

    async def wait_until_drawn(self) -> None:
        """Wait until the effect of the latest keys is on the terminal."""
        is_drawn = asyncio.Event()
        self._screen.call_after_refresh(is_drawn.set)
        await is_drawn.wait()

    def set_interval(self, seconds: float, callback: Callable[[], None]) -> None:
        """Call something periodically, until the screen is removed."""
        self._screen.set_interval(seconds, callback)

    async def cancel_tasks(self) -> None:
        """Cancel the background tasks, and wait until they have ended."""
        for task in (tasks := set(self._tasks)):
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
