"""The screen that shows one capture: from the status line to the keys.

Owns the feed, and what the parts below are given. The parts know nothing of each other: their messages end here, and
news goes down from here.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from textual import on
from textual.app import ComposeResult

from inspector.client.caller import ConnectionState
from inspector.client.outcome import Outcome
from inspector.errors import InspectorError, RequestError
from inspector.model.call import Call, CallKind, StreamKey
from inspector.session import LiveSource, Phase, Session
from inspector.ui.bindings import Place, bindings
from inspector.ui.clipboard import copy_sequence
from inspector.ui.copies import copy_choices
from inspector.ui.launch import Launch
from inspector.ui.lists.tabs import FRAMES
from inspector.ui.messages import CaptureOpened, Copied, Left, PaneOpened, StoreChanged
from inspector.ui.screens.choice import ChoiceDialog, Chosen
from inspector.ui.screens.filter_actions import FilterActions
from inspector.ui.sent_call import SentCall
from inspector.ui.widgets.browser import Browser
from inspector.ui.widgets.filter_box import FilterBox
from inspector.ui.widgets.key_bar import KeyBar
from inspector.ui.widgets.name_list import NameList
from inspector.ui.widgets.notice import Notice
from inspector.ui.widgets.request_box import RequestBox
from inspector.ui.widgets.status_line import StatusLine
from inspector.ui.widgets.words import counts, outcome_words, placeholder

_LOOK_SECONDS: Final = 1.0
"""Between two looks at the connection: gRPC does not tell when it breaks."""


class InspectionScreen(FilterActions):
    """One session with all that is known of it."""

    BINDINGS = bindings(Place.SCREEN)

    def __init__(self, launch: Launch, session: Session, *, is_opened: bool = False) -> None:
        """`is_opened` is True for a capture file that was opened from the app: Esc goes back from it."""
        super().__init__(launch, session, None if is_opened else launch.target)
        self._is_opened = is_opened

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        is_live = isinstance(self.session.source, LiveSource)
        is_greet = isinstance(self.session.source, LiveSource) and self.session.source.greet
        yield StatusLine("greet service" if is_greet else "")
        names = NameList()
        yield FilterBox(self, names)
        yield names
        yield Browser(self.feed, self.launch.catalog, following=is_live)
        yield Notice()
        if self.sending is not None:
            yield RequestBox(self.sending.calls)
        yield KeyBar()

    def on_mount(self) -> None:
        """Begin: the session starts behind the screen."""
        self.session.on_change = self.feed.receive
        self.session.on_status = lambda _status: self.feed.stir()
        (self.box or self.browser.listing.shown).focus()
        self.begin_sending()
        if self.sending is not None:
            self.set_interval(_LOOK_SECONDS, self._look_at_connection)
        self.feed.receive(self.session.store.everything())
        self.work(self._begin())

    async def end(self) -> None:
        """Stop drawing and end all that the session started; the screen is of no use afterwards."""
        self.feed.close()
        await super().end()
        if self.sending is not None:
            await self.sending.close()

    async def _begin(self) -> None:
        """First the schema, then the capture: to be asked for its schema is nothing that the service's user did."""
        if self.launch.prepare is not None and not self._is_opened:
            try:
                await self._prepare()
            except InspectorError as error:
                self.tell(error.message, error.hint)
        if self.session.status.phase is Phase.STARTING:
            await self.session.run()

    async def _prepare(self) -> None:
        try:
            if self.launch.prepare is not None and (sentence := await self.launch.prepare()):
                self.say(sentence)
        finally:
            self.schema_changed()
            self.watch_files()

    def redraw(self) -> None:
        """Draw anew what was drawn with another schema."""
        self.feed.receive(self.session.store.everything())

    @property
    def _connection(self) -> ConnectionState | None:
        return None if self.sending is None else self.sending.state

    def _look_at_connection(self) -> None:
        if self.sending is not None and self.query_one(StatusLine).connection != self._connection:
            self._draw_words()

    @on(StoreChanged)
    def _draw(self) -> None:
        change = self.feed.take()
        if change is not None:
            self.learn(change)
            self.browser.update(change)
            self._select_own(change.calls)
        self._draw_words()

    def _select_own(self, touched: frozenset[StreamKey]) -> None:
        key = self.sending.own_call(touched) if self.sending else None
        if key is not None:
            method = self.launch.catalog.method(self.session.store.calls[key].method)
            self.browser.show_call(key, with_tail=method is None or method.kind is not CallKind.UNARY)

    def _draw_words(self) -> None:
        status = self.session.status
        self.query_one(StatusLine).show(status, self.session.store.packets, self._connection)
        self.query_one(FilterBox).show_counts(
            self.progress + counts(self.feed, self.browser.listing.shown.id or FRAMES)
        )
        self.browser.listing.show_placeholder(*placeholder(self.feed, status, can_send=self.sending is not None))
        self.query_one(Notice).show_status(status)

    @property
    def selected_call(self) -> Call | None:
        """The call that keys for a call are about."""
        return self.browser.call

    def tell_outcome(self, call: SentCall, outcome: Outcome) -> None:
        """Say why a call failed, with the details that came; one that went well takes back what was said."""
        self.tell(*outcome_words(outcome, self.launch.catalog), call.method.path.removeprefix("/"))

    def tell(self, message: str, hint: str = "", title: str = "") -> None:
        """Say something that went wrong, until it is read."""
        self.query_one(Notice).tell(message, hint, title)

    def show_filtered(self) -> None:
        """Draw what another filter lets through."""
        self.browser.update(None)
        self._draw_words()

    @on(Left)
    def _to_list(self) -> None:
        self.enter(self.browser.listing.shown)

    @on(PaneOpened)
    def _to_pane(self, event: PaneOpened) -> None:
        self.enter(event.widget)

    def _action_copy_as(self) -> None:
        if (call := self.selected_call) is None:
            self.say("Select a call, or a frame of one, to copy it.")
            return
        target = self.sending.target if self.sending else None
        choices = copy_choices(self.session.store, self.launch.catalog, call, target, self.launch.schema)
        self.app.push_screen(
            ChoiceDialog(f"Copy call {call.key} as", choices, "Enter copies · Esc cancels"), self._copy_as
        )

    def _copy_as(self, chosen: Chosen | None) -> None:
        if chosen is None:
            return
        name, make = chosen.value
        try:
            self.post_message(Copied(make(), name))
        except RequestError as error:
            self.tell(error.message, error.hint)

    @on(Copied)
    def _copy(self, event: Copied) -> None:
        driver = self.app._driver
        if driver is not None:
            driver.write(copy_sequence(event.text, os.environ))
        self.say(f"Copied {event.name}: {len(event.text):,} characters")

    def open_capture(self, path: Path) -> None:
        """Show a capture file in a screen of its own, above this one."""
        if self.launch.open_capture is None:
            self.say("No other capture can be opened here.")
        else:
            self.post_message(CaptureOpened(self.launch.open_capture(path)))

    def leave(self) -> None:
        """Esc with nothing left to go back from: no more looking, away with what was said, out of an opened capture."""
        if self.stop_looking():
            return
        if self.query_one(Notice).dismiss():
            return
        if self._is_opened:
            self.app.run_worker(self.end())
            self.app.pop_screen()
