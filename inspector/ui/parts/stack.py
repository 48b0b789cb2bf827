"""The widgets of the inspection screen, made together, from top to bottom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from textual.dom import DOMNode
from textual.widget import Widget

from inspector.schema.catalog import Catalog
from inspector.session import LiveSource, Session
from inspector.ui.bindings import Place
from inspector.ui.feed import Feed
from inspector.ui.parts.filtering import PacketLanguage
from inspector.ui.sending import Sending
from inspector.ui.widgets.browser import Browser
from inspector.ui.widgets.filter_box import FilterBox
from inspector.ui.widgets.find_bar import FindBar
from inspector.ui.widgets.key_bar import KeyBar
from inspector.ui.widgets.late_banner import LateBanner, LeftBanner
from inspector.ui.widgets.name_list import NameList
from inspector.ui.widgets.notice import Notice
from inspector.ui.widgets.request_box import RequestBox
from inspector.ui.widgets.status_line import StatusLine


@dataclass(frozen=True, slots=True)
class Stack:
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
    def of(cls, session: Session, catalog: Catalog, feed: Feed, sending: Sending | None) -> Stack:
        """The widgets for a session; `sending` is None where nothing can be sent."""
        names = NameList()
        return cls(
            StatusLine("greet service" if sending is not None and sending.is_greet else ""),
            FilterBox(PacketLanguage(session.packets), names),
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

    def node_at(self, place: Place) -> DOMNode | None:
        """The widget that has the actions of a place now; None for one that is not there."""
        nodes: dict[Place, DOMNode | None] = {
            Place.BROWSER: self.browser,
            Place.LIST: self.browser.listing.shown,
            Place.PANE: self.browser.detail.pane,
            Place.HEX: self.browser.detail.bytes,
            Place.FILTER: self.filter,
            Place.FIND: self.find.input if self.find.display else None,
            Place.REQUEST: self.request,
        }
        return nodes.get(place)
