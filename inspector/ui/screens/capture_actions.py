"""What can be done with a capture: stop and start it, open another; and saving what a pane shows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path

from textual import on

from inspector.capture.saving import write_private
from inspector.session import Phase, Session
from inspector.ui.boundary import guarded
from inspector.ui.launch import Launch
from inspector.ui.messages import SaveAsked
from inspector.ui.screens.focus_actions import FocusActions
from inspector.ui.screens.open_dialog import OpenDialog
from inspector.ui.screens.save_dialog import SaveDialog
from inspector.views.text import clean


class CaptureActions(FocusActions):
    """The part of the inspection screen that acts on the session."""

    def __init__(self, launch: Launch, session: Session) -> None:
        super().__init__()
        self.launch = launch
        self.session = session
        self._tasks: set[asyncio.Task[None]] = set()

    def work(self, awaitable: Awaitable[object]) -> asyncio.Task[None]:
        """Do something behind the screen; where it fails, say so. The task may be cancelled."""
        # No worker of Textual's: those are cancelled at the end, but nobody waits until their children are gone.
        task = asyncio.create_task(guarded(awaitable, self.tell))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def end(self) -> None:
        """Break off what is being done, and end all that the session started."""
        for task in (tasks := set(self._tasks)):
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self.session.close()

    def tell(self, message: str, hint: str = "", title: str = "") -> None:
        """Say something that went wrong, until it is read."""
        raise NotImplementedError

    def say(self, sentence: str) -> None:
        """Say something that went well, for a moment."""
        self.notify(clean(sentence), markup=False, timeout=4)

    def _action_toggle_capture(self) -> None:
        match self.session.status.phase:
            case Phase.LIVE | Phase.READING:
                self.work(self.session.stop_capture())
            case Phase.STOPPED:
                self.work(self.session.start_capture())
            case Phase.STARTING:
                self.say("The capture is still starting.")
            case phase:
                self.say(f"Nothing is captured here: {self.session.status.source} is {phase}.")

    @on(SaveAsked)
    def _ask_where(self, event: SaveAsked) -> None:
        suffix = ".bin" if b"\0" in event.data else ".txt"

        def save(path: Path | None) -> None:
            if path is not None:
                self.work(self._write(path, event))

        self.app.push_screen(
            SaveDialog(f"{self.session.status.source} {event.name}", suffix, f"Save {event.name}"), save
        )

    async def _write(self, path: Path, event: SaveAsked) -> None:
        write_private(path, event.data)
        self.say(f"Saved {event.name} as {path}")

    def _action_load(self) -> None:
        self.app.push_screen(OpenDialog(), self._load)

    def _load(self, path: Path | None) -> None:
        if path is not None:
            self.open_capture(path)

    def open_capture(self, path: Path) -> None:
        """Show a capture file in a screen of its own, above this one."""
        raise NotImplementedError
