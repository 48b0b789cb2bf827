"""The words around the lists: the status line, the counts, what stands in an empty list, what the session remarks."""

from __future__ import annotations

from inspector.session import Session
from inspector.ui.browser import Browser
from inspector.ui.controllers.captions import counts, placeholder
from inspector.ui.controllers.context import Hears
from inspector.ui.controllers.filter import FilterController
from inspector.ui.controllers.requests import SendController
from inspector.ui.lists.listing import FRAMES
from inspector.ui.messages import ListShown
from inspector.ui.widgets.notice import Notice
from inspector.ui.widgets.status_line import StatusLine


class StatusController:
    """Says how things are."""

    def __init__(
        self,
        session: Session,
        browser: Browser,
        filtering: FilterController,
        status: StatusLine,
        notice: Notice,
        service: SendController | None,
    ) -> None:
        """`service` is None where nothing can be sent."""
        self._session, self._browser, self._filtering = session, browser, filtering
        self._status, self._notice = status, notice
        self._service = service

    @property
    def hears(self) -> Hears:
        """Each list has words of its own."""
        return {ListShown: lambda _: self.draw()}

    def draw(self) -> None:
        """Say how things are now."""
        status, store, listing = self._session.status, self._session.store, self._browser.listing
        shown, feed = listing.shown.id or FRAMES, self._browser.feed
        service = self._service
        self._status.show(status, store.packets, None if service is None else service.connection)
        self._filtering.show_counts(counts(feed, shown, listing.marks.count))
        listing.show_placeholder(*placeholder(feed, status, service.how_to_send if service else (), shown))
        self._notice.show_status(status)

    def draw_connection(self) -> None:
        """Say how it is with the connection, where that has changed."""
        if self._service is not None and self._status.connection != self._service.connection:
            self.draw()
