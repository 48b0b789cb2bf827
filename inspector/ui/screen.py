"""The screen that shows one capture: its widgets, its controllers, and which does what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from textual import events, on
from textual.app import ComposeResult
from textual.dom import DOMNode
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import OptionList

from inspector.schema.catalog import Catalog
from inspector.session import LiveSource, Session
from inspector.ui.active_calls import CallSender
from inspector.ui.bindings import KeyContext, bindings
from inspector.ui.browser import Browser
from inspector.ui.controllers.capture import (
    CaptureController,
    CommentController,
    DecodeAsController,
    LeftCapturesController,
)
from inspector.ui.controllers.context import Actions, ActionTable, Hears, MessageTable, ScreenContext
from inspector.ui.controllers.filter import FilterController, PacketFilters
from inspector.ui.controllers.find import FindController, SearchRunner
from inspector.ui.controllers.focus import FocusController
from inspector.ui.controllers.requests import HistoryController, SendController
from inspector.ui.controllers.save import SaveController
from inspector.ui.controllers.schema import SchemaController
from inspector.ui.controllers.status import StatusController
from inspector.ui.controllers.view import (
    CopyController,
    MenuController,
    MethodNameController,
    NavigationController,
    ReportController,
)
from inspector.ui.draft import Draft
from inspector.ui.feed import Feed
from inspector.ui.history import FilterHistory, RequestHistory
from inspector.ui.launch import Launch
from inspector.ui.messages import CaptureLeft, ForScreen, StoreChanged
from inspector.ui.widgets.bars import KeyBar
from inspector.ui.widgets.filter_box import FilterBox, NameList
from inspector.ui.widgets.find_bar import FindBar
from inspector.ui.widgets.notice import LateBanner, LeftBanner, Notice
from inspector.ui.widgets.request_box import RequestBox
from inspector.ui.widgets.status_line import StatusLine


@dataclass(frozen=True, slots=True)
class ScreenWidgets:
    """What stands below each other."""

    status: StatusLine
    filter: FilterBox
    names: NameList
    late: LateBanner
    left: LeftBanner
    browser: Browser
    notice: Notice
    find: FindBar
    request: RequestBox | None
    """None where nothing can be sent."""
    keys: KeyBar

    @classmethod
    def of(
        cls, session: Session, catalog: Catalog, feed: Feed, sending: CallSender | None, filters: FilterHistory
    ) -> ScreenWidgets:
        """The widgets for a session; `sending` is None where nothing can be sent."""
        names = NameList()
        return cls(
            StatusLine("greet service" if sending is not None and sending.is_greet else ""),
            FilterBox(PacketFilters(session.packets), names, filters),
            names,
            LateBanner(session.store, catalog),
            LeftBanner(),
            Browser(feed, catalog, following=isinstance(session.source, LiveSource)),
            Notice(),
            FindBar(),
            None if sending is None else RequestBox(sending.calls),
            KeyBar(),
        )

    def __iter__(self) -> Iterator[Widget]:
        """Those that there are."""
        yield from (self.status, self.filter, self.names, self.late, self.left)
        yield from (self.browser, self.notice, self.find)
        if self.request is not None:
            yield self.request
        yield self.keys

    def node_at(self, place: KeyContext) -> DOMNode | None:
        """The widget that has the actions of a place now; None for one that is not there."""
        nodes: dict[KeyContext, DOMNode | None] = {
            KeyContext.BROWSER: self.browser,
            KeyContext.LIST: self.browser.listing.shown,
            KeyContext.PANE: self.browser.detail.pane,
            KeyContext.HEX: self.browser.detail.tree_page.bytes,
            KeyContext.FILTER: self.filter,
            KeyContext.FIND: self.find.input if self.find.display else None,
            KeyContext.REQUEST: self.request,
        }
        return nodes.get(place)


_LOOK_SECONDS: Final = 1.0
"""Between two looks at the connection: gRPC does not tell when it breaks."""


class Controllers:
    """All parts of one screen."""

    def __init__(
        self,
        screen: Screen[None],
        stage: ScreenContext,
        stack: ScreenWidgets,
        session: Session,
        launch: Launch,
        sending: CallSender | None,
        leave: Callable[[], None],
    ) -> None:
        """`sending` is None where nothing can be sent; `leave` is called when there is nothing left to go back from."""
        catalog, browser, box, feed = launch.catalog, stack.browser, stack.filter, stack.browser.feed
        self._feed, self._browser, self._stack = feed, browser, stack
        self._stage, self._session, self._leave = stage, session, leave
        self.room = room = FocusController(screen, browser, box, stack.request)
        history = launch.requests or RequestHistory(launch.history)
        self._clearing = HistoryController(stage, history)
        self._service = None
        if sending is not None and stack.request is not None:
            self._service = SendController(stage, room, browser, sending, stack.request, launch, history)
        form = None if self._service is None else self._service.form
        self._schema = SchemaController(stage, session, launch, form, self._schema_changed)
        self._filtering = FilterController(
            stage, feed, session.packets, box, browser.listing.settle, self._refiltered, launch.secrets
        )
        self._seeker = SearchRunner(stage, session.store, catalog, stack.find)
        self._finding = FindController(self._seeker, stack.find, browser, room)
        self.saving = SaveController(stage, session, catalog, browser, screen.app.export_screenshot, launch.secrets)
        self._words = StatusController(session, browser, self._filtering, stack.status, stack.notice, self._service)
        self._copying = CopyController(stage, browser, catalog, launch.schema, launch.target, launch.secrets)
        self._left = LeftCapturesController(stage, session, stack.left, launch.open_left)
        self._others: tuple[ActionTable, ...] = (
            self._left,
            CaptureController(stage, session, launch.open_capture),
            DecodeAsController(stage, session),
            MethodNameController(stage, session, browser, catalog),
            NavigationController(stage, browser),
            CommentController(stage, session, browser),
            ReportController(stage, browser, catalog),
            MenuController(screen),
            self._clearing,
        )

    @property
    def actions(self) -> Actions:
        """What there is for each action of the bindings table at `Place.SCREEN`."""
        acting: list[ActionTable] = [
            self.room,
            self._schema,
            self._filtering,
            self._finding,
            self.saving,
            self._copying,
        ]
        if self._service is not None:
            acting.append(self._service)
        found = {name: act for part in (*acting, *self._others) for name, act in part.actions.items()}
        return {"back": self._back, **found}

    @property
    def hears(self) -> Hears:
        """Which part sees to which messages."""
        hearing: list[MessageTable] = [
            self.room,
            self._filtering,
            self._finding,
            self.saving,
            self._words,
            self._copying,
        ]
        hearing.append(self._clearing)
        if self._service is not None:
            hearing.append(self._service)
        return {kind: hear for part in hearing for kind, hear in part.hears.items()}

    @property
    def draft(self) -> Draft | None:
        """What stands in the request box."""
        return None if self._service is None else self._service.form.draft

    def allows(self, action: str) -> bool:
        """False for an action that has nothing to act on now."""
        return self._service is None or self._service.running.allows(action)

    def begin(self, *, is_first: bool) -> None:
        """Show the method to begin with, and let the session start behind the screen.

        `is_first` is True on the screen that the app starts with.
        """
        if self._service is not None:
            self._service.begin(is_continued=self._session.is_continued)
            self._stage.every(_LOOK_SECONDS, self._words.draw_connection)
        self._stage.work(self._run())
        if is_first:
            self._left.begin()

    async def _run(self) -> None:
        """First the schema, then the capture: to be asked for its schema is nothing that the service's user did."""
        await self._schema.begin()
        if not self._session.is_begun:
            await self._session.run()

    def draw(self) -> None:
        """Have drawn what has changed since the last time."""
        change, service = self._feed.pop_change(), self._service
        if change is not None:
            self._schema.learn(change)
            self._stack.late.update_joins(change)
            self._browser.update(change)
            self._seeker.changed(self._feed.rows, has_lost=bool(change.first_kept))
            if service is not None:
                service.view.select_own(change.calls)
        if service is not None:
            service.view.draw()
        self._words.draw()

    def _refiltered(self) -> None:
        self._browser.update(None)
        self._seeker.changed(None)
        self._words.draw()

    def _schema_changed(self) -> None:
        if self._browser.is_attached:  # not while the app ends
            self._browser.reread()
            self._stack.late.reread()
            self._seeker.changed(None)

    def _back(self) -> None:
        """Out of the innermost thing that there is; at last out of an opened capture."""
        notice, late, left = self._stack.notice, self._stack.late, self._stack.left
        looks, saves = self._filtering.stop_looking, self.saving.running.ask_stop
        steps = (self._finding.back, self.room.back, looks, saves, notice.dismiss, late.dismiss, left.dismiss)
        if not any(step() for step in steps):
            self._leave()


class InspectionScreen(Screen[None], inherit_bindings=False):
    """One session with all that is known of it."""

    BINDINGS = bindings(KeyContext.SCREEN)

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    """Textual would paint the whole screen, where the two widgets concerned paint themselves anew."""

    def __init__(self, launch: Launch, session: Session, *, is_opened: bool = False) -> None:
        """`is_opened` is True for a capture file that was opened from the app: Esc goes back from it."""
        super().__init__()
        if is_opened:  # it is only looked at
            launch = replace(launch, target=None, prepare=None)
        self.launch, self.session, self.is_opened = launch, session, is_opened
        self._stage = stage = ScreenContext(self)
        self.feed = Feed(session.store, lambda: stage.post(StoreChanged()), session.packets, stage.work)
        self._sending = None if launch.target is None else CallSender(session, launch.target, launch.connection)
        self._stack = stack = ScreenWidgets.of(
            session, launch.catalog, self.feed, self._sending, FilterHistory(launch.secrets.secrets)
        )
        self.browser, self.box_of_filter = stack.browser, stack.filter
        self.parts = Controllers(self, stage, stack, session, launch, self._sending, self._leave)
        self._actions, self._hears = self.parts.actions, self.parts.hears
        for name, act in self._actions.items():
            setattr(self, f"action_{name}", act)  # where Textual looks for what a key does

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield from self._stack

    def on_mount(self) -> None:
        """Begin."""
        self.session.on_change = self.feed.receive
        self.session.on_status = lambda _status: self.feed.request_draw()
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

    def node_at(self, place: KeyContext) -> DOMNode | None:
        """What has the actions of a place now."""
        return self if place is KeyContext.SCREEN else self._stack.node_at(place)

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
        self.box_of_filter.completer.insert()

    def _leave(self) -> None:
        if self.is_opened:
            self.parts.saving.part(lambda: self.post_message(CaptureLeft(self)))
