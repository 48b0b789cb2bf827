"""The screen that shows one capture: from the status line to the keys.

Owns the feed, and what the parts below are given. The parts know nothing of each other: their messages end here, and
news goes down from here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from textual import on
from textual.app import ComposeResult

from inspector.client.caller import ConnectionState
from inspector.client.outcome import Outcome
from inspector.errors import InspectorError
from inspector.model.call import Call, CallKind, StreamKey
from inspector.session import LiveSource, Session
from inspector.ui.bindings import Place, bindings
from inspector.ui.launch import Launch
from inspector.ui.lists.tabs import FRAMES
from inspector.ui.messages import CaptureOpened, Left, ListShown, PaneOpened, StoreChanged
from inspector.ui.screens.look_actions import LookActions
from inspector.ui.screens.statistics import StatisticsScreen
from inspector.ui.sent_call import SentCall
from inspector.ui.widgets.browser import Browser
from inspector.ui.widgets.filter_box import FilterBox
from inspector.ui.widgets.find_bar import FindBar
from inspector.ui.widgets.key_bar import KeyBar
from inspector.ui.widgets.late_banner import LateBanner
from inspector.ui.widgets.name_list import NameList
from inspector.ui.widgets.notice import Notice
from inspector.ui.widgets.request_box import RequestBox
from inspector.ui.widgets.status_line import StatusLine
from inspector.ui.widgets.words import counts, how_to_send, outcome_words, placeholder

_LOOK_SECONDS: Final = 1.0
"""Between two looks at the connection: gRPC does not tell when it breaks."""


class InspectionScreen(LookActions):
    """One session with all that is known of it."""

    BINDINGS = bindings(Place.SCREEN)

    def __init__(self, launch: Launch, session: Session, *, is_opened: bool = False) -> None:
        """`is_opened` is True for a capture file that was opened from the app: Esc goes back from it."""
        super().__init__(launch, session, None if is_opened else launch.target)
        self.is_opened = is_opened
        self._has_news = False
        """True when an account says more than is drawn."""

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        is_live = isinstance(self.session.source, LiveSource)
        is_greet = isinstance(self.session.source, LiveSource) and self.session.source.greet
        yield StatusLine("greet service" if is_greet else "")
        names = NameList()
        yield FilterBox(self, names)
        yield names
        yield LateBanner(self.session.store, self.launch.catalog)
        yield Browser(self.feed, self.launch.catalog, following=is_live)
        yield Notice()
        yield FindBar()
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
        if self.session.is_continued:
            self.watch_files()
        elif self.launch.prepare is not None and not self.is_opened:
            try:
                await self._prepare()
            except InspectorError as error:
                self.tell(error.message, error.hint)
        if not self.session.is_begun:
            await self.session.run()

    async def _prepare(self) -> None:
        try:
            if self.launch.prepare is not None and (sentence := await self.launch.prepare()):
                self.tell(sentence, title="Schema")
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
            self.query_one(LateBanner).learn(change)
            self.browser.update(change)
            self.find_again(None if change.first_kept else self.feed.first_row)
            self._select_own(change.calls)
        if self._has_news:
            self._has_news = False
            self.browser.detail.told_more()
        self._draw_words()

    def _select_own(self, touched: frozenset[StreamKey]) -> None:
        key = self.sending.own_call(touched) if self.sending else None
        if key is not None:
            method = self.launch.catalog.method(self.session.store.calls[key].method)
            self.browser.show_call(key, with_tail=method is None or method.kind is not CallKind.UNARY)

    def show_accounts(self) -> None:
        """Show what the client says of its calls; where there is room for one side, that side."""
        self.browser.show_told(self.accounts)
        self.use_side(right=True)

    def account_changed(self) -> None:
        """Draw it with the next drawing."""
        self._has_news = True
        self.feed.stir()

    def show_sent(self, call: SentCall) -> None:
        """Show a call that was sent: on the wire, or by the client's account."""
        if call.key is not None:
            self.browser.show_call(call.key, with_tail=True)
        elif call.account is not None:
            self.show_accounts()

    def _how_to_send(self) -> tuple[str, ...]:
        if self.sending is None or (box := self.box) is None:
            return ()
        return how_to_send(box.method, is_unseen=self.sending.is_unseen)

    @on(ListShown)
    def _draw_words(self) -> None:
        status = self.session.status
        self.query_one(StatusLine).show(status, self.session.store.packets, self._connection)
        shown = self.browser.listing.shown.id or FRAMES
        self.query_one(FilterBox).show_counts(self.progress + counts(self.feed, shown, self.browser.listing.marks))
        self.browser.listing.show_placeholder(*placeholder(self.feed, status, self._how_to_send(), shown))
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
        for notice in self.query(Notice):  # none while the app ends
            notice.tell(message, hint, title)

    def show_filtered(self) -> None:
        """Draw what another filter lets through."""
        self.browser.update(None)
        self.find_again(0)
        self._draw_words()

    def _action_statistics(self) -> None:
        self.app.push_screen(StatisticsScreen(self.feed))

    @on(Left)
    def _to_list(self) -> None:
        self.enter(self.browser.listing.shown)

    @on(PaneOpened)
    def _to_pane(self, event: PaneOpened) -> None:
        self.enter(event.widget)

    def open_capture(self, path: Path) -> None:
        """Show a capture file in a screen of its own, above this one."""
        if self.launch.open_capture is None:
            self.say("No other capture can be opened here.")
        else:
            self.post_message(CaptureOpened(self.launch.open_capture(path)))

    def leave(self) -> None:
        """Esc with nothing left to go back from: no more looking, away with what was said, out of an opened capture."""
        if self.stop_looking() or self.query_one(Notice).dismiss() or self.query_one(LateBanner).dismiss():
            return
        if self.is_opened:
            self.part(self._close)

    def _close(self) -> None:
        self.app.run_worker(self.end())
        self.app.pop_screen()
