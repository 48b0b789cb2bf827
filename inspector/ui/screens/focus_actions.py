"""Where the focus goes, and how the room is given out: panes side by side, one of them, or one alone."""

from __future__ import annotations

from textual import events
from textual.dom import DOMNode
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget

from inspector.ui.bindings import Place
from inspector.ui.widgets.browser import Browser
from inspector.ui.widgets.filter_box import FilterBox
from inspector.ui.widgets.find_bar import FindBar
from inspector.ui.widgets.hex_view import HexView
from inspector.ui.widgets.pane import Pane
from inspector.ui.widgets.request_box import RequestBox


class FocusActions(Screen[None], inherit_bindings=False):
    """The part of the inspection screen that moves the focus.

    Three classes say how the room is given out, and the style sheet does it: `-narrow` by the terminal's width,
    `-detail` when the right side is the one in use, `-zoom` when the side in use shall have all the room.
    """

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    """Textual would paint the whole screen, where the two widgets concerned paint themselves anew."""

    _uses_right = False
    """True when the right side is the one in use."""

    @property
    def browser(self) -> Browser:
        """Both sides."""
        return self.query_one(Browser)

    def node_at(self, place: Place) -> DOMNode | None:
        """What has the actions of a place now."""
        nodes: dict[Place, DOMNode | None] = {
            Place.SCREEN: self,
            Place.BROWSER: self.browser,
            Place.LIST: self.browser.listing.shown,
            Place.PANE: self.browser.detail.pane,
            Place.HEX: self.browser.detail.bytes,
            Place.FILTER: self.query_one(FilterBox),
            Place.FIND: bar.input if (bar := self.query_one(FindBar)).display else None,
            Place.REQUEST: next(iter(self.query(RequestBox)), None),
        }
        return nodes.get(place)

    def enter(self, widget: Widget) -> None:
        """Give a widget the focus, and the room to be seen."""
        if isinstance(widget, FilterBox | RequestBox):
            self.remove_class("-zoom")
        else:
            self.use_side(right=isinstance(widget, Pane | HexView))
        # At once, not by `widget.focus()`: keys that were typed ahead are meant for where the focus is going.
        self.set_focus(widget)

    def use_side(self, *, right: bool) -> None:
        """The right side is in use, or the left one."""
        self._uses_right = right
        self._give_room()

    def _give_room(self) -> None:
        """Give the side in use all the room where there is room for one.

        Only there: to style a whole screen anew takes longer than all else that a key does.
        """
        if self.has_class("-narrow") or self.has_class("-zoom"):
            self.set_class(self._uses_right, "-detail")

    def on_resize(self, _event: events.Resize) -> None:
        """The screen may have become narrow."""
        self._give_room()

    def _stops(self) -> list[Widget]:
        """What Tab goes through."""
        inputs = [] if self.has_class("-zoom") else [*self.query(RequestBox), self.query_one(FilterBox)]
        return [*inputs, self.browser.listing.shown, *self.browser.detail.stops]

    def _action_next_pane(self, panes: int) -> None:
        stops = self._stops()
        here = stops.index(self.focused) if self.focused in stops else -1
        self.enter(stops[(here + panes) % len(stops)])

    def _action_focus_filter(self) -> None:
        self.enter(self.query_one(FilterBox))

    def _action_focus_request(self) -> None:
        for box in self.query(RequestBox):
            self.enter(box)

    def _action_zoom(self) -> None:
        self.toggle_class("-zoom")
        self._give_room()

    def _action_back(self) -> None:
        if isinstance(self.focused, Pane | HexView):
            self.enter(self.browser.listing.shown)
        elif self.has_class("-zoom"):
            self.remove_class("-zoom")
        else:
            self.leave()

    def leave(self) -> None:
        """Esc with nothing left to go back from on this screen."""
        raise NotImplementedError
