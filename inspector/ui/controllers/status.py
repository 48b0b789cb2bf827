"""The state of the capture, as text around the lists: status line, counts, empty lists, notices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inspector.session import Phase, Session, SessionStatus
from inspector.text import clean, counted
from inspector.ui.browser import Browser
from inspector.ui.controllers.filter import FilterController
from inspector.ui.controllers.requests import ServiceControllers
from inspector.ui.feed import Feed
from inspector.ui.lists.listing import FRAMES, LISTS, PACKETS
from inspector.ui.messages import ListShown
from inspector.ui.widgets.notice import Notice
from inspector.ui.widgets.status_line import StatusLine


class StatusController:
    """Updates the texts around the lists."""

    def __init__(
        self,
        session: Session,
        browser: Browser,
        filters: FilterController,
        status: StatusLine,
        notice: Notice,
        service: ServiceControllers | None,
    ) -> None:
        """`service` is None when nothing can be sent."""
        self._session, self._browser, self._filters = session, browser, filters
        self._status, self._notice = status, notice
        self._service = service

    def on_list_shown(self, _message: ListShown) -> None:
        """Show the counts and the placeholder of the list that came to the front."""
        self.draw()

    def draw(self) -> None:
        """Update all texts."""
        status, store, listing = self._session.status, self._session.store, self._browser.listing
        shown, feed = listing.shown.id or FRAMES, self._browser.feed
        service = self._service
        self._status.show(status, store.packets, None if service is None else service.connection)
        self._filters.show_counts(counts(feed, shown, listing.marks.count))
        listing.show_placeholder(*placeholder(feed, status, service.instructions if service else (), shown))
        self._notice.show_status(status)

    def draw_connection(self) -> None:
        """Update the state of the connection to the service if it changed."""
        if self._service is not None and self._status.connection != self._service.connection:
            self.draw()


def counts(feed: Feed, list_: str = FRAMES, marks: int = 0) -> str:
    """Return how many rows of a list are marked, shown and hidden, and why they are hidden."""
    tab = LISTS[list_]
    total = tab.count(feed)
    if not total:
        return ""
    marked = f"{marks:,} marked · " if marks else ""
    if tab.shown is None:
        is_unfiltered = " · not filtered" if feed.frames.filter.text else ""
        return f"{marked}{counted(total, tab.noun)}{is_unfiltered}"
    hidden = "".join(_hidden(feed)) if list_ == FRAMES else ""
    return f"{marked}{tab.shown(feed):,} of {counted(total, tab.noun)}{hidden}"


def _hidden(feed: Feed) -> Iterator[str]:
    """Yield which frames are hidden for other reasons than the filter."""
    if feed.store.frames.first:
        yield f" · {feed.store.frames.first:,} older dropped"
    if feed.frames.show_control:
        yield " · control frames shown (h)"
    elif feed.frames.hidden_control:
        yield f" · {counted(feed.frames.hidden_control, 'control frame')} hidden (h)"


_NO_FRAMES: Final = {
    Phase.STARTING: ("Starting the capture…", "You can type already: it is sent when the capture is live."),
    Phase.LIVE: ("Waiting for the first frame to or from {}.",),
    Phase.READING: ("Reading {}…",),
    Phase.STOPPED: ("Stopped before the first frame.", "Ctrl+E resumes the capture."),
    Phase.ENDED: ("There are no HTTP/2 frames in {}.", "--port N decodes a port that is not recognised by itself."),
    Phase.FAILED: ("There is nothing to show.",),
}
"""The lines of an empty list; `{}` is the source."""
_NO_INPUT: Final = ("No packet has arrived yet.", "With -U, tcpdump writes each packet at once.")


def placeholder(feed: Feed, status: SessionStatus, instructions: tuple[str, ...], list_: str) -> tuple[str, ...]:
    """Return the lines that an empty list shows: why it is empty, and what to do."""
    is_packets = list_ == PACKETS
    if feed.frames.filter.terms and (feed.packets.total if is_packets else feed.store.frames):
        return _no_match(feed, is_packets=is_packets)
    if is_packets and feed.store.packets and not feed.packets.total:
        return ("No packets have been listed yet.",)
    if feed.store.frames:
        return ("Only control frames so far.", "Press h to show them.")
    if status.phase is Phase.LIVE and instructions:
        return instructions
    if is_packets and status.phase is Phase.ENDED:
        return (f"There are no packets in {clean(status.source)}.",)
    is_waiting = status.phase is Phase.READING and not (feed.store.packets or status.is_whole)
    lines = _NO_INPUT if is_waiting else _NO_FRAMES[status.phase]
    return tuple(line.format(clean(status.source)) for line in lines)


def _no_match(feed: Feed, *, is_packets: bool) -> tuple[str, ...]:
    lines = "Nothing matches the filter.", "Press / to change it, Ctrl+U in it to clear it."
    if is_packets and feed.frames.filter.packets is None:
        return *lines, "It searches for words in frames. Start it with = for a display filter of Wireshark."
    return lines
