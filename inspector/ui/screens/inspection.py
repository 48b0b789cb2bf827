"""The screen that shows one capture: from the status line to the keys.

Owns its widgets, and what Textual needs to know of a screen. What keys do, and what is done about what widgets tell, is
for its parts: messages end here and go to the part that sees to them.
"""

from __future__ import annotations

from dataclasses import replace

from textual import events, on
from textual.app import ComposeResult
from textual.dom import DOMNode
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import OptionList

from inspector.session import Session
from inspector.ui.bindings import Place, bindings
from inspector.ui.feed import Feed
from inspector.ui.launch import Launch
from inspector.ui.messages import CaptureLeft, ForScreen, StoreChanged
from inspector.ui.parts.assembly import Parts
from inspector.ui.parts.stack import Stack
from inspector.ui.parts.stage import Stage
from inspector.ui.sending import Sending


class InspectionScreen(Screen[None], inherit_bindings=False):
    """One session with all that is known of it."""

    BINDINGS = bindings(Place.SCREEN)

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    """Textual would paint the whole screen, where the two widgets concerned paint themselves anew."""

    def __init__(self, launch: Launch, session: Session, *, is_opened: bool = False) -> None:
        """`is_opened` is True for a capture file that was opened from the app: Esc goes back from it."""
        super().__init__()
        if is_opened:  # it is only looked at
            launch = replace(launch, target=None, prepare=None)
        self.launch, self.session, self.is_opened = launch, session, is_opened
        self._stage = stage = Stage(self)
        self.feed = Feed(session.store, lambda: stage.post(StoreChanged()), session.packets, stage.work)
        self._sending = None if launch.target is None else Sending(session, launch.target, launch.connection)
        self._stack = stack = Stack.of(session, launch.catalog, self.feed, self._sending)
        self.browser, self.box_of_filter = stack.browser, stack.filter
        self.parts = Parts(self, stage, stack, session, launch, self._sending, self._leave)
        self._actions, self._hears = self.parts.actions, self.parts.hears
        for name, act in self._actions.items():
            setattr(self, f"action_{name}", act)  # where Textual looks for what a key does

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield from self._stack

    def on_mount(self) -> None:
        """Begin."""
        self.session.on_change = self.feed.receive
        self.session.on_status = lambda _status: self.feed.stir()
        first = None if self.session.is_continued else self._stack.request  # `d` was pressed outside of it
        # At once: `focus` would leave it to a later turn, and keys that wait already would go to the filter.
        self.set_focus(first or self.browser.listing.shown, scroll_visible=False)
        self.parts.begin(is_first=not self.is_opened and not self.session.is_continued)
        self.feed.receive(self.session.store.everything())

    async def end(self) -> tuple[str, ...]:
        """Stop drawing and end all that the session started; the screen is of no use afterwards.

        Returns the names of files that were still being written: nothing of them is left.
        """
        self.feed.close()
        unfinished = self.parts.saving.running.names
        await self._stage.end()
        await self.session.close()
        if self._sending is not None:
            await self._sending.close()
        return unfinished

    def on_resize(self, _event: events.Resize) -> None:
        """The screen may have become narrow."""
        self.parts.room.share_out()

    def node_at(self, place: Place) -> DOMNode | None:
        """What has the actions of a place now."""
        return self if place is Place.SCREEN else self._stack.node_at(place)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        """Whether a part has an action, and something to act on."""
        return action in self._actions and self.parts.allows(action)

    @on(ForScreen)
    def _hear(self, event: ForScreen) -> None:
        self._hears[type(event)](event)

    @on(StoreChanged)
    def _draw(self) -> None:
        self.parts.draw()

    @on(OptionList.OptionSelected, "#candidates")
    def _take_candidate(self) -> None:
        self.box_of_filter.take_name()

    def _leave(self) -> None:
        if self.is_opened:
            self.parts.saving.part(lambda: self.post_message(CaptureLeft(self)))
