"""Every key of the app, once: footer, help and command palette are all made from this table.

Owns ids, keys, words and places. An action itself belongs to the widget of its place. Letters act only where no input
has the focus: an input takes them first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from textual.binding import Binding


class Place(StrEnum):
    """Where a key works: the widget, with all that is in it, that has the action."""

    APP = "app"
    SCREEN = "screen"
    BROWSER = "browser"
    """Both panes."""
    LIST = "list"
    PANE = "pane"
    FILTER = "filter"
    REQUEST = "request"


class Group(StrEnum):
    """The headings of the help screen."""

    SEND = "Send"
    MOVE = "Move"
    LOOK = "Look"
    CAPTURE = "Capture"
    APP = "Program"


@dataclass(frozen=True, slots=True)
class Key:
    """One action with its keys."""

    id: str
    """Unique; the same in a keymap of the user's."""
    keys: str
    """In Textual's names, separated by commas."""
    shown: str
    """The keys as people write them."""
    label: str
    """Two words at most, for the footer."""
    tooltip: str
    """What it does, for help and palette."""
    action: str
    place: Place
    group: Group
    footer: bool = False
    priority: bool = False
    """True for keys that work wherever the focus is, in an input too."""


_APP, _SCREEN, _BROWSER, _LIST, _PANE = Place.APP, Place.SCREEN, Place.BROWSER, Place.LIST, Place.PANE

KEYS: Final = (
    Key("send", "enter", "Enter", "send", "Send what is in the request box, empty or not", "submit", Place.REQUEST, Group.SEND, footer=True),
    Key("history.back", "up", "↑", "history", "Bring back what was sent before", "back_in_history", Place.REQUEST, Group.SEND, footer=True),
    Key("history.forward", "down", "↓", "later", "Forward in what was sent, to the draft at last", "forward_in_history", Place.REQUEST, Group.SEND),
    Key("request.leave", "escape", "Esc", "list", "From the request box to the list", "leave", Place.REQUEST, Group.SEND, footer=True),
    Key("filter.keep", "enter", "Enter", "keep", "From the filter to the list; the filter stays", "leave", Place.FILTER, Group.LOOK, footer=True),
    Key("filter.clear", "ctrl+u", "Ctrl+U", "clear", "Empty the filter", "clear_filter", Place.FILTER, Group.LOOK, footer=True),
    Key("filter.leave", "escape", "Esc", "back", "Back to the list; the filter stays", "leave", Place.FILTER, Group.LOOK, footer=True),
    Key("request", "i", "i", "send", "Go to the request box", "focus_request", _SCREEN, Group.SEND, footer=True),
    Key("filter", "slash", "/", "filter", "Go to the filter", "focus_filter", _SCREEN, Group.LOOK, footer=True),
    Key("down", "j,down", "j ↓", "down", "One row down", "move(1)", _LIST, Group.MOVE),
    Key("up", "k,up", "k ↑", "up", "One row up", "move(-1)", _LIST, Group.MOVE),
    Key("page_down", "pagedown,space", "PgDn", "page down", "One page down", "page(1)", _LIST, Group.MOVE),
    Key("page_up", "pageup", "PgUp", "page up", "One page up", "page(-1)", _LIST, Group.MOVE),
    Key("first", "g,home", "g Home", "first", "To the first row", "first", _LIST, Group.MOVE),
    Key("last", "G,end", "G End", "last", "To the last row, and follow the tail from there", "last", _LIST, Group.MOVE),
    Key("tail", "F", "F", "tail", "Follow the tail: stay at the newest row", "last", _LIST, Group.MOVE),
    Key("open", "enter", "Enter", "open", "Open the row in the other pane", "open", _LIST, Group.MOVE, footer=True),
    Key("pane.down", "j,down", "j ↓", "down", "One line down in the pane", "move(1)", _PANE, Group.MOVE),
    Key("pane.up", "k,up", "k ↑", "up", "One line up in the pane", "move(-1)", _PANE, Group.MOVE),
    Key("pane.page_down", "pagedown,space", "PgDn", "page down", "One page down in the pane", "page(1)", _PANE, Group.MOVE),
    Key("pane.page_up", "pageup", "PgUp", "page up", "One page up in the pane", "page(-1)", _PANE, Group.MOVE),
    Key("pane.first", "g,home", "g Home", "top", "To the top of the pane", "first", _PANE, Group.MOVE),
    Key("pane.last", "G,end", "G End", "end", "To the end of the pane", "last", _PANE, Group.MOVE),
    Key("pane.open", "enter", "Enter", "to its frame", "Go to this step's frame in the list", "open", _PANE, Group.MOVE, footer=True),
    Key("next_pane", "tab", "Tab", "next pane", "To the next pane", "app.focus_next", _SCREEN, Group.MOVE),
    Key("previous_pane", "shift+tab", "Shift+Tab", "previous pane", "To the previous pane", "app.focus_previous", _SCREEN, Group.MOVE),
    Key("next_tab", "right", "→", "next tab", "The next tab of the pane: Calls, Frames; Follow, Frame, Message, Bytes", "turn(1)", _BROWSER, Group.MOVE),
    Key("previous_tab", "left", "←", "previous tab", "The tab before", "turn(-1)", _BROWSER, Group.MOVE),
    Key("back", "escape", "Esc", "back", "Back: to the list, out of the zoom, out of an opened capture", "back", _SCREEN, Group.MOVE, footer=True),
    Key("follow", "f", "f", "follow", "Follow the stream of the selected frame", "follow", _BROWSER, Group.LOOK, footer=True),
    Key("stream.next", "full_stop", ".", "next in stream", "The next frame of the same stream", "step(1)", _BROWSER, Group.LOOK, footer=True),
    Key("stream.previous", "comma", ",", "previous in stream", "The previous frame of the same stream", "step(-1)", _BROWSER, Group.LOOK),
    Key("match.next", "n", "n", "next match", "The next frame that the filter finds, round the end", "match(1)", _BROWSER, Group.LOOK),
    Key("match.previous", "N", "N", "previous match", "The previous frame that the filter finds", "match(-1)", _BROWSER, Group.LOOK),
    Key("control", "h", "h", "control frames", "Hide or show control frames: SETTINGS, PING, WINDOW_UPDATE, …", "toggle_control", _SCREEN, Group.LOOK, footer=True),
    Key("mark", "m", "m", "mark", "Mark the row, or take its mark away", "mark", _LIST, Group.LOOK),
    Key("mark.next", "apostrophe", "'", "next mark", "To the next marked row, round the end", "next_mark", _LIST, Group.LOOK),
    Key("copy", "y", "y", "copy", "Copy: the frame's row, the followed stream, or the bytes as hex", "copy", _BROWSER, Group.LOOK, footer=True),
    Key("zoom", "backslash", "\\", "zoom", "Give the pane all the room, and back", "zoom", _SCREEN, Group.LOOK, footer=True),
    Key("capture", "ctrl+e", "^E", "stop/start", "Stop the capture, or start it again", "toggle_capture", _SCREEN, Group.CAPTURE, footer=True, priority=True),
    Key("save", "ctrl+s", "^S", "save", "Save the capture as a file", "save", _SCREEN, Group.CAPTURE, footer=True, priority=True),
    Key("load", "ctrl+o", "^O", "open", "Open a capture file; this capture goes on behind it", "load", _SCREEN, Group.CAPTURE, priority=True),
    Key("help", "question_mark", "?", "help", "All keys", "help", _APP, Group.APP, footer=True),
    Key("help.always", "f1", "F1", "help", "All keys, from an input too", "help", _APP, Group.APP, footer=True, priority=True),
    Key("palette", "ctrl+p", "^P", "palette", "Find any action by its name; themes too", "command_palette", _APP, Group.APP, priority=True),
    Key("quit", "ctrl+q", "^Q", "quit", "Quit", "quit", _APP, Group.APP, footer=True, priority=True),
)  # fmt: skip
"""In the order of the footer."""


def bindings(place: Place) -> list[Binding]:
    """The bindings of a place, for its class."""
    return [_binding(key) for key in KEYS if key.place is place]


def find(keys: Iterable[str]) -> tuple[Key, ...]:
    """Keys by id, in the table's order."""
    wanted = set(keys)
    return tuple(key for key in KEYS if key.id in wanted)


def _binding(key: Key) -> Binding:
    return Binding(
        key.keys,
        key.action,
        key.label,
        show=key.footer,
        key_display=key.shown,
        priority=key.priority,
        tooltip=key.tooltip,
        id=key.id,
    )
