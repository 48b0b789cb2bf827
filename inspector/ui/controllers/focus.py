"""Where the focus goes, and how the room is given out: panes side by side, one of them, or one alone.

Three classes of the screen say how the room is given out, and the style sheet does it: `-narrow` by the terminal's
width, `-detail` when the right side is the one in use, `-zoom` when the side in use shall have all the room.
"""

from __future__ import annotations

from textual.screen import Screen
from textual.widget import Widget

from inspector.ui.browser import Browser
from inspector.ui.controllers.context import Actions, Hears
from inspector.ui.messages import Left, PaneOpened
from inspector.ui.widgets.document import Pane
from inspector.ui.widgets.filter_box import FilterBox
from inspector.ui.widgets.hex_view import HexView
from inspector.ui.widgets.request_box import RequestBox


class FocusController:
    """The room of a screen."""

    def __init__(
        self, screen: Screen[None], browser: Browser, filter_box: FilterBox, request: RequestBox | None
    ) -> None:
        """`request` is None where nothing can be sent."""
        self._screen, self._browser = screen, browser
        self._filter, self._request = filter_box, request
        self._uses_right = False
        """True when the right side is the one in use."""

    @property
    def actions(self) -> Actions:
        """Moves of the focus, and the zoom."""
        to_request = {} if (request := self._request) is None else {"focus_request": lambda: self.enter(request)}
        return {
            "next_pane": self._next_pane,
            "focus_filter": lambda: self.enter(self._filter),
            "zoom": self._zoom,
            **to_request,
        }

    @property
    def hears(self) -> Hears:
        """Widgets that shall have the focus."""
        return {Left: lambda _: self.enter_list(), PaneOpened: lambda event: self.enter(event.widget)}

    @property
    def is_filter_entered(self) -> bool:
        """True while a filter is typed."""
        return self._screen.focused is self._filter

    def enter(self, widget: Widget) -> None:
        """Give a widget the focus, and the room to be seen."""
        if isinstance(widget, FilterBox | RequestBox):
            self._screen.remove_class("-zoom")
        else:
            self.use_side(right=isinstance(widget, Pane | HexView))
        self.focus(widget)

    def focus(self, widget: Widget) -> None:
        """Give a widget the focus, and leave the room as it is."""
        # At once, not by `widget.focus()`: keys that were typed ahead are meant for where the focus is going.
        self._screen.set_focus(widget)

    def enter_list(self) -> None:
        """Give the list the focus."""
        self.enter(self._browser.listing.shown)

    def use_side(self, *, right: bool) -> None:
        """The right side is in use, or the left one."""
        self._uses_right = right
        self.share_out()

    def share_out(self) -> None:
        """Give the side in use all the room where there is room for one.

        Only there: to style a whole screen anew takes longer than all else that a key does.
        """
        if self._screen.has_class("-narrow") or self._screen.has_class("-zoom"):
            self._screen.set_class(self._uses_right, "-detail")

    def back(self) -> bool:
        """From the right side to the list, then out of the zoom; False where there is nothing to go back from."""
        if isinstance(self._screen.focused, Pane | HexView):
            self.enter_list()
        elif self._screen.has_class("-zoom"):
            self._screen.remove_class("-zoom")
        else:
            return False
        return True

    def _next_pane(self, panes: int) -> None:
        stops, focused = self._stops(), self._screen.focused
        here = stops.index(focused) if focused in stops else -1
        self.enter(stops[(here + panes) % len(stops)])

    def _stops(self) -> list[Widget]:
        """What Tab goes through."""
        inputs = [each for each in (self._request, self._filter) if each is not None]
        shown = [] if self._screen.has_class("-zoom") else inputs
        return [*shown, self._browser.listing.shown, *self._browser.detail.stops]

    def _zoom(self) -> None:
        self._screen.toggle_class("-zoom")
        self.share_out()
