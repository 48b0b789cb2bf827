"""The screen of one capture: its widgets, its controllers, and the connections between them."""

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
from inspector.ui.controllers.context import Dispatcher, ScreenContext
from inspector.ui.controllers.display import (
    CopyController,
    DetailController,
    ListViewController,
    MenuController,
    MethodNameController,
    ReportController,
)
from inspector.ui.controllers.filter import FilterController, PacketFilters
from inspector.ui.controllers.find import FindController, SearchRunner
from inspector.ui.controllers.navigation import FocusController, GoToController, SelectionController
from inspector.ui.controllers.requests import HistoryController, ServiceControllers
from inspector.ui.controllers.save import SaveController
from inspector.ui.controllers.schema import SchemaController
from inspector.ui.controllers.status import StatusController
from inspector.ui.draft import Draft
from inspector.ui.feed import Feed
from inspector.ui.history import FilterHistory, RequestHistory
from inspector.ui.launch import Launch
from inspector.ui.messages import CaptureClosed, ScreenMessage, StoreChanged
from inspector.ui.widgets.bars import KeyBar
from inspector.ui.widgets.filter_box import FilterBox, NameList
from inspector.ui.widgets.find_bar import FindBar
from inspector.ui.widgets.notice import LateBanner, LeftBanner, Notice
from inspector.ui.widgets.request_box import RequestBox
from inspector.ui.widgets.status_line import StatusLine


@dataclass(frozen=True, slots=True)
class ScreenWidgets:
    """The widgets of the screen, from top to bottom."""

    status: StatusLine
    filter: FilterBox
    names: NameList
    late: LateBanner
    left: LeftBanner
    browser: Browser
    notice: Notice
    find: FindBar
    request: RequestBox | None
    """None when nothing can be sent."""
    keys: KeyBar

    @classmethod
    def of(
        cls, session: Session, catalog: Catalog, feed: Feed, sender: CallSender | None, filters: FilterHistory
    ) -> ScreenWidgets:
        """Create the widgets for a session; `sender` is None when nothing can be sent."""
        names = NameList()
        return cls(
            status=StatusLine("greet service" if sender is not None and sender.is_greet else ""),
            filter=FilterBox(PacketFilters(session.packets), names, filters),
            names=names,
            late=LateBanner(session.store, catalog),
            left=LeftBanner(),
            browser=Browser(feed, catalog, following=isinstance(session.source, LiveSource)),
            notice=Notice(),
            find=FindBar(),
            request=None if sender is None else RequestBox(sender.calls),
            keys=KeyBar(),
        )

    def __iter__(self) -> Iterator[Widget]:
        """Iterate from top to bottom, without a request box that is None."""
        yield from (self.status, self.filter, self.names, self.late, self.left)
        yield from (self.browser, self.notice, self.find)
        if self.request is not None:
            yield self.request
        yield self.keys

    def node_at(self, context: KeyContext) -> DOMNode | None:
        """Return the widget that has the actions of a key context; None if it is not shown."""
        nodes: dict[KeyContext, DOMNode | None] = {
            KeyContext.BROWSER: self.browser,
            KeyContext.LIST: self.browser.listing.shown,
            KeyContext.PANE: self.browser.detail.pane,
            KeyContext.HEX: self.browser.detail.tree_page.bytes,
            KeyContext.FILTER: self.filter,
            KeyContext.FIND: self.find.input if self.find.display else None,
            KeyContext.REQUEST: self.request,
        }
        return nodes.get(context)


_CONNECTION_CHECK_SECONDS: Final = 1.0
"""How often to check the connection to the service: gRPC reports no event when it breaks."""


class Controllers:
    """The controllers of the screen, and what involves several of them: start, drawing, and Esc."""

    def __init__(
        self,
        screen: Screen[None],
        context: ScreenContext,
        widgets: ScreenWidgets,
        session: Session,
        launch: Launch,
        sender: CallSender | None,
        leave: Callable[[], None],
    ) -> None:
        """`sender` is None when nothing can be sent; `leave` is called by Esc when nothing else is left to close."""
        catalog, browser, box, feed = launch.catalog, widgets.browser, widgets.filter, widgets.browser.feed
        self._feed, self._browser, self._widgets = feed, browser, widgets
        self._context, self._session, self._leave = context, session, leave
        history = launch.requests or RequestHistory(launch.history)
        self.focus = focus = FocusController(screen, browser, box, widgets.request)
        self._service = None
        if sender is not None and widgets.request is not None:
            self._service = ServiceControllers(context, focus, browser, sender, widgets.request, launch, history)
        form = None if self._service is None else self._service.form
        self._schema = SchemaController(context, session, launch, form, self._schema_changed)
        self._filter = FilterController(
            context, feed, session.packets, box, browser.listing.settle, self._filtered, launch.secrets
        )
        self._search = SearchRunner(context, session.store, catalog, widgets.find)
        self._find = FindController(self._search, widgets.find, browser, focus)
        self.save = SaveController(context, session, catalog, browser, screen.app.export_screenshot, launch.secrets)
        self._status = StatusController(session, browser, self._filter, widgets.status, widgets.notice, self._service)
        self._left = LeftCapturesController(context, session, widgets.left, launch.open_left)
        Dispatcher((SelectionController(context, browser), DetailController(context, browser))).attach(browser)
        self.dispatcher = Dispatcher(
            (
                self,
                *(self.focus, self._schema, self._filter, self._find, self.save, self._status, self._left),
                *(self._service or ()),
                HistoryController(context, history),
                CaptureController(context, session, launch.open_capture),
                DecodeAsController(context, session),
                CommentController(context, session, browser),
                MethodNameController(context, session, browser, catalog),
                GoToController(context, browser),
                ListViewController(context, browser),
                CopyController(context, browser, catalog, launch.schema, launch.target, launch.secrets),
                ReportController(context, browser, catalog),
                MenuController(screen),
            )
        )

    @property
    def draft(self) -> Draft | None:
        """What is in the request box; None without a box or a method."""
        return None if self._service is None else self._service.form.draft

    def allows(self, action: str) -> bool:
        """Return False for an action that no controller has, or that has nothing to act on now."""
        if action not in self.dispatcher.actions:
            return False
        return self._service is None or self._service.active_calls.allows(action)

    def start(self, *, is_first: bool) -> None:
        """Show the first method, and start the session in the background.

        `is_first` is True on the screen that the app starts with.
        """
        if self._service is not None:
            self._service.start(is_continued=self._session.is_continued)
            self._context.set_interval(_CONNECTION_CHECK_SECONDS, self._status.draw_connection)
        self._context.run_task(self._run_session())
        if is_first:
            self._left.start()

    async def _run_session(self) -> None:
        # The schema is loaded before the capture starts, so that our reflection calls are not captured.
        await self._schema.start()
        if not self._session.is_begun:
            await self._session.run()

    def draw(self) -> None:
        """Draw what has changed since the last time."""
        change, service = self._feed.pop_change(), self._service
        if change is not None:
            self._schema.update(change)
            self._widgets.late.update_joins(change)
            self._browser.update(change)
            self._search.changed(self._feed.rows, has_evicted=bool(change.first_kept))
            if service is not None:
                service.view.select_own(change.calls)
        if service is not None:
            service.view.draw()
        self._status.draw()

    def _filtered(self) -> None:
        self._browser.update(None)
        self._search.changed(None)
        self._status.draw()

    def _schema_changed(self) -> None:
        if self._browser.is_attached:  # detached while the app exits
            self._browser.reread()
            self._widgets.late.reread()
            self._search.changed(None)

    def action_back(self) -> None:
        """Close or stop the first thing of these that is open, at last an opened capture."""
        late, left = self._widgets.late, self._widgets.left
        panes = (self._find.back, self.focus.back)
        work = (self._filter.stop_scan, self.save.active.confirm_stop)
        notices = (self._widgets.notice.dismiss, late.dismiss, left.dismiss)
        if not any(close() for close in (*panes, *work, *notices)):
            self._leave()


class InspectionScreen(Screen[None], inherit_bindings=False):
    """Shows one session."""

    BINDINGS = bindings(KeyContext.SCREEN)

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    """Overridden because Textual repaints the whole screen when it changes; the two widgets repaint themselves."""

    def __init__(self, launch: Launch, session: Session, *, is_opened: bool = False) -> None:
        """`is_opened` is True for a capture file that was opened from the app. Esc leaves it, and nothing is sent."""
        super().__init__()
        if is_opened:
            launch = replace(launch, target=None, prepare=None)
        self.launch, self.session, self.is_opened = launch, session, is_opened
        self._controller_context = context = ScreenContext(self)
        self.feed = Feed(session.store, lambda: context.post_message(StoreChanged()), session.packets, context.run_task)
        self._sender = None if launch.target is None else CallSender(session, launch.target, launch.connection)
        filters = FilterHistory(launch.secrets.secrets)
        self._widgets = widgets = ScreenWidgets.of(session, launch.catalog, self.feed, self._sender, filters)
        self.browser, self.filter_box = widgets.browser, widgets.filter
        self.controllers = Controllers(self, context, widgets, session, launch, self._sender, self._leave)
        self.controllers.dispatcher.attach(self)

    def compose(self) -> ComposeResult:
        """Yield the widgets from top to bottom."""
        yield from self._widgets

    def on_mount(self) -> None:
        """Start the session and draw what its store holds already."""
        self.session.on_change = self.feed.receive
        self.session.on_status = lambda _status: self.feed.request_draw()
        first = None if self.session.is_continued else self._widgets.request  # Decode As is a key of the list
        # Now, as `focus` is deferred: keys that were typed ahead would go to the filter.
        self.set_focus(first or self.browser.listing.shown, scroll_visible=False)
        self.controllers.start(is_first=not self.is_opened and not self.session.is_continued)
        self.feed.receive(self.session.store.everything())

    async def end(self) -> tuple[str, ...]:
        """Stop the session and all tasks. Return the names of files whose writing was stopped."""
        self.feed.close()
        unfinished = self.controllers.save.active.names
        await self._controller_context.cancel_tasks()
        await self.session.close()
        if self._sender is not None:
            await self._sender.close()
        return unfinished

    def on_resize(self, _event: events.Resize) -> None:
        """Update the layout: the screen may have become narrow."""
        self.controllers.focus.update_layout()

    def node_at(self, context: KeyContext) -> DOMNode | None:
        """Return the node that has the actions of a key context; None if it is not shown."""
        return self if context is KeyContext.SCREEN else self._widgets.node_at(context)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        """Return whether a controller has the action, and something to act on."""
        return self.controllers.allows(action)

    @on(ScreenMessage)
    def _dispatch(self, message: ScreenMessage) -> None:
        self.controllers.dispatcher.handle(message)

    @on(StoreChanged)
    def _draw(self) -> None:
        self.controllers.draw()

    @on(OptionList.OptionSelected, "#candidates")
    def _take_candidate(self) -> None:
        self.filter_box.completer.insert()

    def _leave(self) -> None:
        if self.is_opened:
            self.controllers.save.leave(lambda: self.post_message(CaptureClosed(self)))
