"""The Textual app: a stack of capture screens, themes, global keys, and a clean exit.

Everything about one capture is in `screen`. Nothing slow is imported here, so that the first paint comes within a
fraction of a second; the session starts after it.
"""

from __future__ import annotations

import asyncio
import gc
import os
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
from inspector.ui.dialogs.export import switch_confirmation
from inspector.ui.dialogs.help import HelpScreen
from inspector.ui.history import RequestHistory
from inspector.ui.input_queue import InputQueue
from inspector.ui.launch import Launch
from inspector.ui.lists.listing import FRAMES
from inspector.ui.messages import CaptureClosed, CaptureOpened, SessionReplaced
from inspector.ui.screen import InspectionScreen
from inspector.ui.terminal import TerminalDriver, copy_sequence, end_on_signals
from inspector.ui.theme import OWN_THEME, default_variables

_BREAKPOINTS: Final = [(0, "-narrow"), (110, "-wide")]
"""Below 110 columns only one pane is shown: with two, there would be no room for the Info column."""
_NOT_IN_PALETTE: Final = ("palette", "help.always")


class InspectorApp(App[int], inherit_bindings=False):
    """The app; use `run` to create and run one."""

    CSS_PATH = "inspector.tcss"
    TITLE = "grpc-inspector"
    BINDINGS = bindings(KeyContext.APP)
    HORIZONTAL_BREAKPOINTS = _BREAKPOINTS

    def __init__(self, launch: Launch) -> None:
        super().__init__(driver_class=TerminalDriver)
        self._launch = replace(launch, requests=RequestHistory(launch.history))
        self.input_queue = InputQueue(self, super().on_event)
        self._open_screens: list[InspectionScreen] = []
        self.unfinished: list[str] = []
        """The names of files whose writing was stopped when their capture was left."""
        self.register_theme(OWN_THEME)
        self.theme = OWN_THEME.name

    async def on_mount(self) -> None:
        """Show the first capture. Keys that were typed before go into its request box."""
        await self._show(InspectionScreen(self._launch, self._launch.make_session()))

    async def on_event(self, event: Event) -> None:
        """Queue input events, so that each is handled after the effects of the previous one."""
        if isinstance(event, InputEvent):
            KEYBOARD.note()  # background work yields
        if isinstance(event, InputEvent | Paste) and not event.is_forwarded:
            await self.input_queue.add(event)
        else:
            await super().on_event(event)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return the colours of tones, for themes that do not define them."""
        theme = self.current_theme
        return default_variables(theme.to_color_system().generate(), dark=theme.dark)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Yield the themes, and all actions whose context is on the screen."""
        yield SystemCommand("Choose a theme", "colours", self.action_change_theme)
        for context, key in entries():
            node = self if context is KeyContext.APP else self._node_at(screen, context)
            if node is not None and key.id not in _NOT_IN_PALETTE:
                keys = key.shown if key.keys else ""
                yield SystemCommand(key.tooltip, keys, partial(self.run_action, key.action, node))

    @staticmethod
    def _node_at(screen: Screen[object], context: KeyContext) -> DOMNode | None:
        return screen.node_at(context) if isinstance(screen, InspectionScreen | EditorScreen) else None

    def copy_to_clipboard(self, text: str) -> None:
        """Copy a text to the clipboard of the terminal; unlike Textual's method, also in tmux."""
        self._clipboard = text
        if self._driver is not None:
            self._driver.write(copy_sequence(text, os.environ))

    @on(CaptureOpened)
    def _open(self, event: CaptureOpened) -> None:
        self._show(InspectionScreen(self._launch, event.session, is_opened=True))

    @on(SessionReplaced)
    async def _replace(self, event: SessionReplaced) -> None:
        old = self.screen
        if isinstance(old, InspectionScreen):
            unfinished = await old.end()
            self.pop_screen()
            launch = replace(self._launch, draft=old.controllers.draft)
            self._show(new := InspectionScreen(launch, event.session, is_opened=old.is_opened))
            new.call_after_refresh(new.browser.listing.open, old.browser.listing.shown.id or FRAMES)
            for name in unfinished:
                new.notify(clean(not_saved(name)), severity="warning", markup=False)
            self.run_worker(self._release(old))

    @on(CaptureClosed)
    def _close(self, event: CaptureClosed) -> None:
        screen = self.screen
        if isinstance(screen, InspectionScreen) and screen is event.screen:
            self.pop_screen()
            self.run_worker(self._end(screen))

    async def _end(self, screen: InspectionScreen) -> None:
        await screen.end()
        await self._release(screen)

    async def _release(self, screen: InspectionScreen) -> None:
        await screen.session.release()  # in the background, as it takes long with a million frames
        self._open_screens.remove(screen)

    def _show(self, screen: InspectionScreen) -> AwaitMount:
        self._open_screens.append(screen)
        return self.push_screen(screen)

    async def end_sessions(self) -> None:
        """End all sessions, and note which files were not saved. Does nothing for those that have ended."""
        for screen in tuple(self._open_screens):
            self.unfinished += await screen.end()

    async def _action_quit(self) -> None:
        is_confirmed = isinstance(self.screen, PartingDialog)
        screens = [] if is_confirmed else [each for each in self.screen_stack if isinstance(each, InspectionScreen)]
        self._leave_and_quit(screens)

    def _leave_and_quit(self, screens: Sequence[InspectionScreen]) -> None:
        """Quit, unless the user stays in one of these captures to save something."""
        if screens:
            screens[-1].controllers.save.leave(lambda: self._leave_and_quit(screens[:-1]))
        else:
            self.exit(0)

    def _action_toggle_secrets(self) -> None:
        secrets = self._launch.secrets
        secrets.toggle()
        self.notify(clean(switch_confirmation(secrets)), markup=False, timeout=4)

    def _action_help(self) -> None:
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen())

    def _handle_exception(self, error: Exception) -> None:
        """Exit with a message after an unexpected error. Textual would show a traceback."""
        if self.is_headless:
            super()._handle_exception(error)
        else:
            self.exit(1, message=Text("\n".join(("grpc-inspector:", *explain(error)))))


def run(launch: Launch) -> int:
    """Run the app until the user quits, and return the exit status."""

    async def run_app() -> int:
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
        status = asyncio.run(run_app())
    gc.freeze()  # no collection of what is left at exit: with a million frames it takes seconds
    return status
