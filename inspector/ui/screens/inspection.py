"""The screen that shows one capture: from the status line to the keys.

Owns its widgets and its parts, and gives each part what it needs. Widgets and parts know nothing of the screen: what
widgets tell goes to the part that sees to it, actions go to the part that has them, and news of the capture goes down.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from textual import events, on
from textual.app import ComposeResult
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widgets import OptionList

from inspector.session import Session
from inspector.ui.bindings import Place, bindings
from inspector.ui.feed import Feed
from inspector.ui.launch import Launch
from inspector.ui.messages import ForScreen, StoreChanged
from inspector.ui.parts.capturing import Capturing
from inspector.ui.parts.commenting import Commenting
from inspector.ui.parts.copying import Copying
from inspector.ui.parts.decoding import DecodeAs
from inspector.ui.parts.filtering import Filtering
from inspector.ui.parts.finding import Finding
from inspector.ui.parts.looking import Looking
from inspector.ui.parts.menu import Menu
from inspector.ui.parts.naming import Naming
from inspector.ui.parts.overviews import Overviews
from inspector.ui.parts.room import Room
from inspector.ui.parts.saving import Saving
from inspector.ui.parts.schema import Schema
from inspector.ui.parts.seeker import Seeker
from inspector.ui.parts.service import Service
from inspector.ui.parts.stack import Stack
from inspector.ui.parts.stage import Acting, Actions, Hearing, Hears, Stage
from inspector.ui.parts.words import Words
from inspector.ui.sending import Sending

_LOOK_SECONDS: Final = 1.0
"""Between two looks at the connection: gRPC does not tell when it breaks."""


class InspectionScreen(Screen[None], inherit_bindings=False):
    """One session with all that is known of it."""

    BINDINGS = bindings(Place.SCREEN)

    def __init__(self, launch: Launch, session: Session, *, is_opened: bool = False) -> None:
        """`is_opened` is True for a capture file that was opened from the app: Esc goes back from it."""
        super().__init__()
        if is_opened:  # it is only looked at
            launch = replace(launch, target=None, prepare=None)
        self.launch, self.session, self.is_opened = launch, session, is_opened
        self._stage = stage = Stage(self)
        self.feed = feed = Feed(session.store, lambda: stage.post(StoreChanged()), session.packets, stage.work)
        sending = None if launch.target is None else Sending(session, launch.target, launch.connection)
        self._stack = stack = Stack.of(session, launch.catalog, feed, sending)
        self.browser, self.box_of_filter = browser, box = stack.browser, stack.filter

        self.room = room = Room(self, browser, box, stack.request)
        self._service = None
        if sending is not None and stack.request is not None:
            self._service = Service(stage, room, browser, sending, stack.request, launch)
        self._schema = Schema(stage, session, launch, self._schema_changed)
        self._filtering = Filtering(stage, feed, session.packets, box, self._refiltered)
        self._seeker = Seeker(stage, session.store, launch.catalog, stack.find)
        self._finding = Finding(self._seeker, stack.find, browser, room)
        self.saving = Saving(stage, session, launch.catalog, browser, self.app.export_screenshot)
        self._words = Words(session, browser, self._filtering, stack.status, stack.notice, self._service)
        self._actions, self._hears = self._offered()
        for name, act in self._actions.items():
            setattr(self, f"action_{name}", act)  # where Textual looks for what a key does

    def _offered(self) -> tuple[Actions, Hears]:
        """What all parts do for actions, and about messages."""
        stage, session, browser, launch = self._stage, self.session, self.browser, self.launch
        copying = Copying(stage, browser, launch.catalog, launch.schema, launch.target)
        service = () if self._service is None else (self._service,)
        hearing: tuple[Hearing, ...] = (self.room, self._filtering, self._finding, self.saving, self._words, copying)
        acting: tuple[Acting, ...] = (
            *(self.room, self._filtering, self._finding, self.saving, self._schema, copying),
            Capturing(stage, session, launch.open_capture),
            DecodeAs(stage, session),
            Naming(stage, session, browser, launch.catalog),
            Looking(stage, browser),
            Commenting(stage, session, browser),
            Overviews(stage, browser, launch.catalog),
            Menu(self),
            *service,
        )
        actions = {name: act for part in acting for name, act in part.actions.items()}
        hears = {kind: hear for part in (*hearing, *service) for kind, hear in part.hears.items()}
        return {"back": self._back, **actions}, hears

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield from self._stack

    def on_mount(self) -> None:
        """Begin: the session starts behind the screen."""
        self.session.on_change = self.feed.receive
        self.session.on_status = lambda _status: self.feed.stir()
        (self._stack.request or self.browser.listing.shown).focus()
        if self._service is not None:
            self._service.begin()
            self._stage.every(_LOOK_SECONDS, self._words.draw_connection)
        self.feed.receive(self.session.store.everything())
        self._stage.work(self._begin())

    async def _begin(self) -> None:
        """First the schema, then the capture: to be asked for its schema is nothing that the service's user did."""
        await self._schema.begin()
        if not self.session.is_begun:
            await self.session.run()

    async def end(self) -> None:
        """Stop drawing and end all that the session started; the screen is of no use afterwards."""
        self.feed.close()
        await self._stage.end()
        await self.session.close()
        if self._service is not None:
            await self._service.end()

    def on_resize(self, _event: events.Resize) -> None:
        """The screen may have become narrow."""
        self.room.share_out()

    def node_at(self, place: Place) -> DOMNode | None:
        """What has the actions of a place now."""
        nodes: dict[Place, DOMNode | None] = {
            Place.SCREEN: self,
            Place.BROWSER: self.browser,
            Place.LIST: self.browser.listing.shown,
            Place.PANE: self.browser.detail.pane,
            Place.HEX: self.browser.detail.bytes,
            Place.FILTER: self.box_of_filter,
            Place.FIND: bar.input if (bar := self._stack.find).display else None,
            Place.REQUEST: self._stack.request,
        }
        return nodes.get(place)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        """Whether a part has an action, and has something to do it to."""
        return action in self._actions and (self._service is None or self._service.running.allows(action))

    @on(ForScreen)
    def _hear(self, event: ForScreen) -> None:
        self._hears[type(event)](event)

    @on(OptionList.OptionSelected, "#candidates")
    def _take_candidate(self) -> None:
        self.box_of_filter.take_name()

    @on(StoreChanged)
    def _draw(self) -> None:
        change, service = self.feed.take(), self._service
        if change is not None:
            self._schema.learn(change)
            self._stack.late.learn(change)
            self.browser.update(change)
            self._seeker.changed(None if change.first_kept else self.feed.first_row)
            if service is not None:
                service.view.select_own(change.calls)
        if service is not None:
            service.view.draw()
        self._words.draw()

    def _refiltered(self) -> None:
        self.browser.update(None)
        self._seeker.changed(0)
        self._words.draw()

    def _schema_changed(self) -> None:
        if self._service is not None:
            self._service.form.schema_known()
        self.feed.receive(self.session.store.everything())

    def _back(self) -> None:
        """Out of the innermost thing that there is: at last out of an opened capture."""
        steps = (
            *(self._finding.back, self.room.back, self._filtering.stop_looking),
            *(self._stack.notice.dismiss, self._stack.late.dismiss),
        )
        if not any(step() for step in steps) and self.is_opened:
            self.saving.part(self._close)

    def _close(self) -> None:
        self.app.run_worker(self.end())
        self.app.pop_screen()
