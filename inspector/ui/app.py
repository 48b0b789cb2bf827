"""The terminal app: themes, keys that work everywhere, and the end.

Owns what lasts from launch to quit. What a capture shows is for its screen. Nothing slow is imported here: the first
paint comes within a fraction of a second, and the session starts behind it.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Final

from rich.text import Text
from textual import on
from textual.app import App, SystemCommand
from textual.dom import DOMNode
from textual.events import Event, InputEvent, Paste
from textual.screen import Screen
from textual.widget import AwaitMount

from inspector.processes import kept_terminal
from inspector.scheduling import KEYBOARD
from inspector.text import clean
from inspector.ui.bindings import KeyContext, bindings, entries
from inspector.ui.controllers.context import explain
from inspector.ui.controllers.save import not_saved
from inspector.ui.dialogs.base import PartingDialog
from inspector.ui.dialogs.editor import EditorScreen
from inspector.ui.dialogs.export import switched_words
from inspector.ui.dialogs.help import HelpScreen
from inspector.ui.history import RequestHistory
from inspector.ui.input_queue import InputQueue
from inspector.ui.launch import Launch
from inspector.ui.lists.listing import FRAMES
from inspector.ui.messages import CaptureLeft, CaptureOpened, SessionReplaced
from inspector.ui.screen import InspectionScreen
from inspector.ui.terminal import TerminalDriver, end_on_signals
from inspector.ui.theme import OWN_THEME, default_variables

_BREAKPOINTS: Final = [(0, "-narrow"), (110, "-wide")]
"""Below 110 columns one pane at a time is shown: two would leave the Info column no room."""
_NOT_OFFERED: Final = ("palette", "help.always")


class InspectorApp(App[int], inherit_bindings=False):
    """The app; `run` makes and runs one."""

    CSS_PATH = "inspector.tcss"
    TITLE = "grpc-inspector"
    BINDINGS = bindings(KeyContext.APP)
    HORIZONTAL_BREAKPOINTS = _BREAKPOINTS

    def __init__(self, launch: Launch) -> None:
        super().__init__(driver_class=TerminalDriver)
        self._launch = replace(launch, requests=RequestHistory(launch.history))
        self.input_queue = InputQueue(self, super().on_event)
        self._shown: list[InspectionScreen] = []
        self.unfinished: list[str] = []
        """Files that were being written when their capture was left."""
        self.register_theme(OWN_THEME)
        self.theme = OWN_THEME.name

    async def on_mount(self) -> None:
        """Show the first capture; what was typed before it was there waits for it, and goes into its request box."""
        await self._show(InspectionScreen(self._launch, self._launch.make_session()))

    async def on_event(self, event: Event) -> None:
        """Work behind the screen gives way to keys, and each key waits for what comes of the one before."""
        if isinstance(event, InputEvent):
            KEYBOARD.note()
        if isinstance(event, InputEvent | Paste) and not event.is_forwarded:
            await self.input_queue.add(event)
        else:
            await super().on_event(event)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The colours behind tones, for themes that do not set them."""
        theme = self.current_theme
        return default_variables(theme.to_color_system().generate(), dark=theme.dark)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Themes, and every action of the table that can be done now."""
        yield SystemCommand("Choose other colours", "themes", self.action_change_theme)
        for place, key in entries():
            node = self if place is KeyContext.APP else self._node_at(screen, place)
            if node is not None and key.id not in _NOT_OFFERED:
                keys = key.shown if key.keys else ""
                yield SystemCommand(key.tooltip, keys, partial(self.run_action, key.action, node))

    @staticmethod
    def _node_at(screen: Screen[object], place: KeyContext) -> DOMNode | None:
        return screen.node_at(place) if isinstance(screen, InspectionScreen | EditorScreen) else None

    @on(CaptureOpened)
    def _open(self, event: CaptureOpened) -> None:
        self._show(InspectionScreen(self._launch, event.session, is_opened=True))

    @on(SessionReplaced)
    async def _replace(self, event: SessionReplaced) -> None:
        old = self.screen
        if isinstance(old, InspectionScreen):
            unfinished = await old.end()
            self.pop_screen()
            launch = replace(self._launch, draft=old.parts.draft)
            self._show(new := InspectionScreen(launch, event.session, is_opened=old.is_opened))
            new.call_after_refresh(new.browser.listing.open, old.browser.listing.shown.id or FRAMES)
            for name in unfinished:
                new.notify(clean(not_saved(name)), severity="warning", markup=False)
            self.run_worker(self._forget(old))

    @on(CaptureLeft)
    def _leave(self, event: CaptureLeft) -> None:
        screen = self.screen
        if isinstance(screen, InspectionScreen) and screen is event.screen:
            self.pop_screen()
            self.run_worker(self._give_up(screen))

    async def _give_up(self, screen: InspectionScreen) -> None:
        """End it, behind what is shown now."""
        await screen.end()
        await self._forget(screen)

    async def _forget(self, screen: InspectionScreen) -> None:
        """A capture of a million frames takes its time to go."""
        await screen.session.release()
        self._shown.remove(screen)

    def _show(self, screen: InspectionScreen) -> AwaitMount:
        self._shown.append(screen)
        return self.push_screen(screen)

    async def end_sessions(self) -> None:
        """End everything that was started; harmless for what has ended."""
        for screen in tuple(self._shown):
            self.unfinished += await screen.end()

    async def _action_quit(self) -> None:
        is_asked = isinstance(self.screen, PartingDialog)
        self._quit_past([] if is_asked else [each for each in self.screen_stack if isinstance(each, InspectionScreen)])

    def _quit_past(self, screens: Sequence[InspectionScreen]) -> None:
        """Quit when all of these captures may be left."""
        if screens:
            screens[-1].parts.saving.part(lambda: self._quit_past(screens[:-1]))
        else:
            self.exit(0)

    def _action_turn_secrets(self) -> None:
        secrets = self._launch.secrets
        secrets.turn()
        self.notify(clean(switched_words(secrets)), markup=False, timeout=4)

    def _action_help(self) -> None:
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen())

    def _handle_exception(self, error: Exception) -> None:
        """A fault while drawing or handling a key: leave with a sentence. Textual itself would show a traceback."""
        if self.is_headless:
            super()._handle_exception(error)
        else:
            self.exit(1, message=Text("\n".join(("grpc-inspector:", *explain(error)))))


def run(launch: Launch) -> int:
    """Show the app until the user quits; returns the exit status."""

    async def show() -> int:
        app = InspectorApp(launch)
        end_on_signals(app.exit)
        try:
            await app.run_async()
        finally:
            await app.end_sessions()
            for name in app.unfinished:
                print(f"grpc-inspector: {clean(not_saved(name))}", file=sys.stderr, flush=True)
        return app.return_value if app.return_code == 0 and app.return_value else app.return_code or 0

    with kept_terminal(sys.__stdout__.fileno()) if sys.__stdout__ else nullcontext():
        status = asyncio.run(show())
    gc.freeze()  # what is left is not taken apart, which of a million frames takes seconds: it goes with the program
    return status
