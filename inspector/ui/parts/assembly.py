"""The parts of the inspection screen, each made with what it needs, and what follows for which of them from news.

This is the one place where all parts are seen together. Widgets and Textual's side of the screen are not its business.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from textual.screen import Screen

from inspector.session import Session
from inspector.ui.draft import Draft
from inspector.ui.launch import Launch
from inspector.ui.parts.capturing import Capturing
from inspector.ui.parts.commenting import Commenting
from inspector.ui.parts.copying import Copying
from inspector.ui.parts.decoding import DecodeAs
from inspector.ui.parts.filtering import Filtering
from inspector.ui.parts.finding import Finding
from inspector.ui.parts.history_clearing import HistoryClearing
from inspector.ui.parts.left import LeftCaptures
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
from inspector.ui.request_history import RequestHistory
from inspector.ui.sending import Sending

_LOOK_SECONDS: Final = 1.0
"""Between two looks at the connection: gRPC does not tell when it breaks."""


class Parts:
    """All parts of one screen."""

    def __init__(
        self,
        screen: Screen[None],
        stage: Stage,
        stack: Stack,
        session: Session,
        launch: Launch,
        sending: Sending | None,
        leave: Callable[[], None],
    ) -> None:
        """`sending` is None where nothing can be sent; `leave` is called when there is nothing left to go back from."""
        catalog, browser, box, feed = launch.catalog, stack.browser, stack.filter, stack.browser.feed
        self._feed, self._browser, self._stack = feed, browser, stack
        self._stage, self._session, self._leave = stage, session, leave
        self.room = room = Room(screen, browser, box, stack.request)
        history = launch.requests or RequestHistory(launch.history)
        self._clearing = HistoryClearing(stage, history)
        self._service = None
        if sending is not None and stack.request is not None:
            self._service = Service(stage, room, browser, sending, stack.request, launch, history)
        form = None if self._service is None else self._service.form
        self._schema = Schema(stage, session, launch, form, self._schema_changed)
        self._filtering = Filtering(
            stage, feed, session.packets, box, browser.listing.settle, self._refiltered, launch.secrets
        )
        self._seeker = Seeker(stage, session.store, catalog, stack.find)
        self._finding = Finding(self._seeker, stack.find, browser, room)
        self.saving = Saving(stage, session, catalog, browser, screen.app.export_screenshot, launch.secrets)
        self._words = Words(session, browser, self._filtering, stack.status, stack.notice, self._service)
        self._copying = Copying(stage, browser, catalog, launch.schema, launch.target, launch.secrets)
        self._left = LeftCaptures(stage, session, stack.left, launch.open_left)
        self._others: tuple[Acting, ...] = (
            self._left,
            Capturing(stage, session, launch.open_capture),
            DecodeAs(stage, session),
            Naming(stage, session, browser, catalog),
            Looking(stage, browser),
            Commenting(stage, session, browser),
            Overviews(stage, browser, catalog),
            Menu(screen),
            self._clearing,
        )

    @property
    def actions(self) -> Actions:
        """What there is for each action of the bindings table at `Place.SCREEN`."""
        acting: list[Acting] = [self.room, self._schema, self._filtering, self._finding, self.saving, self._copying]
        if self._service is not None:
            acting.append(self._service)
        found = {name: act for part in (*acting, *self._others) for name, act in part.actions.items()}
        return {"back": self._back, **found}

    @property
    def hears(self) -> Hears:
        """Which part sees to which messages."""
        hearing: list[Hearing] = [self.room, self._filtering, self._finding, self.saving, self._words, self._copying]
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
        change, service = self._feed.take(), self._service
        if change is not None:
            self._schema.learn(change)
            self._stack.late.learn(change)
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
