"""The table of all keys. Footer, help, command palette, menu and the table in the README are made from it.

The action `save` is the method `action_save` (or `_action_save`) of the widget of its context. In the context SCREEN it
is that of a controller. Letters only reach an action while no input has the focus, as an input consumes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from textual.binding import Binding, BindingType


class KeyContext(StrEnum):
    """The widget that has the action of a key. The key works while the focus is in it."""

    APP = "app"
    SCREEN = "screen"
    BROWSER = "browser"
    """The lists and the right pane."""
    LIST = "list"
    PANE = "pane"
    HEX = "hex"
    FILTER = "filter"
    FIND = "find"
    REQUEST = "request"
    EDITOR = "editor"


class Group(StrEnum):
    """A heading of the help screen."""

    SEND = "Send"
    MOVE = "Move"
    LOOK = "Look"
    CAPTURE = "Capture"
    APP = "Program"


class Key(NamedTuple):
    """An action and its keys."""

    id: str
    keys: str
    """Textual's names of the keys, separated by commas; empty for an action that only the palette offers."""
    shown: str
    """The keys in short form, separated by spaces."""
    label: str
    """One or two words for the footer and the menu."""
    tooltip: str
    """A phrase for help, palette and README."""
    action: str


_SAVE: Final = (
    "Save packets (all, shown, marked, of a call) as pcapng; export frames, calls or messages as JSON, "
    "messages as files, a followed call as text or HTML, the screen as SVG"
)
_READ: Final = "Read messages as protobuf, wire, JSON, text or hex; TCP streams as ASCII, hex dump or raw"
_PANE_PAGE_DOWN: Final = "In the right pane: one page down"
_COUNT: Final = "Statistics: frames by type, calls and bytes per second, conversations, latency by method"

_TABLE: Final[dict[tuple[KeyContext, Group], tuple[Key, ...]]] = {
    (KeyContext.REQUEST, Group.SEND): (
        Key("send", "enter", "Enter", "send", "Send the request; it may be empty", "submit"),
        Key("send.apart", "f5,ctrl+j,ctrl+enter", "F5", "another", "Send it as a new call beside an open one", "apart"),
        Key("history.back", "up", "↑", "history", "Earlier requests of this method", "back_in_history"),
        Key("history.forward", "down", "↓", "later", "Later requests of this method", "forward_in_history"),
        Key("edit.box", "ctrl+g", "^G", "edit", "Edit the request, like F2", "screen.edit"),
        Key("request.leave", "escape", "Esc", "list", "Back to the list", "leave"),
    ),
    (KeyContext.SCREEN, Group.SEND): (
        Key("request", "i", "i", "send", "Go to the request box", "focus_request"),
        Key("half_close", "ctrl+d", "^D", "end", "Half-close the active call: no more messages", "half_close"),
        Key("cancel", "ctrl+x", "^X", "cancel", "Cancel the active call", "cancel"),
        Key("edit", "f2", "F2", "edit", "Edit the request: JSON, metadata, deadline and other settings", "edit"),
        Key("method", "ctrl+t", "^T", "method", "Choose the method to call", "choose_method"),
        Key("history", "ctrl+r", "^R", "sent before", "Search earlier requests, also of other sessions", "recall"),
        Key("calls", "f4", "F4", "calls", "Active calls: show, half-close or cancel one", "choose_call"),
        Key("resend", "R", "R", "resend", "Edit the selected captured call and send it again", "resend"),
        Key("reconnect", "ctrl+l", "^L", "reconnect", "Close the connection; the next call opens one", "reconnect"),
        Key("schema", "f3", "F3", "schema", "Sources of the schema; switch them on and off", "choose_schema"),
        Key("history.clear", "", "^P", "clear history", "Clear the request history and its file", "clear_history"),
        Key("schema.reload", "f6", "F6", "reload schema", "Read .proto files and reflection again", "reload_schema"),
    ),
    (KeyContext.EDITOR, Group.SEND): (
        Key("editor.send", "f5,ctrl+j,ctrl+enter", "F5 ^J", "send", "Send the request; also Ctrl+Enter", "send"),
        Key("editor.complete", "ctrl+n,ctrl+@", "^N", "names", "Complete the field or value at the cursor", "complete"),
        Key("editor.template", "ctrl+t", "^T", "template", "Start again with all fields; Ctrl+Z undoes", "template"),
        Key("editor.close", "escape", "Esc", "close", "Close the editor and keep the request", "close"),
    ),
    (KeyContext.LIST, Group.MOVE): (
        Key("down", "j,down", "j ↓", "down", "One row down", "move('down')"),
        Key("up", "k,up", "k ↑", "up", "One row up", "move('up')"),
        Key("page_down", "pagedown,space", "PgDn", "page down", "One page down", "move('page_down')"),
        Key("page_up", "pageup", "PgUp", "page up", "One page up", "move('page_up')"),
        Key("first", "g,home", "g Home", "first", "First row", "move('first')"),
        Key("last", "G,end", "G End", "last", "Last row; follows the tail from there", "move('last')"),
        Key("tail", "F", "F", "tail", "Follow the tail: stay at the newest row", "move('last')"),
        Key("open", "enter", "Enter", "open", "Open the row in the right pane", "open"),
    ),
    (KeyContext.PANE, Group.MOVE): (
        Key("pane.down", "j,down", "j ↓", "down", "In the right pane: one line down", "move('down')"),
        Key("pane.up", "k,up", "k ↑", "up", "In the right pane: one line up", "move('up')"),
        Key("pane.page_down", "pagedown,space", "PgDn", "page down", _PANE_PAGE_DOWN, "move('page_down')"),
        Key("pane.page_up", "pageup", "PgUp", "page up", "In the right pane: one page up", "move('page_up')"),
        Key("pane.first", "g,home", "g Home", "top", "In the right pane: to the top", "move('first')"),
        Key("pane.last", "G,end", "G End", "end", "In the right pane: to the end", "move('last')"),
        Key("pane.open", "enter", "Enter", "open", "Go to the frame of a step; expand or collapse a field", "open"),
    ),
    (KeyContext.HEX, Group.MOVE): (
        Key("byte.next", "right,l", "→", "next byte", "In a packet's bytes: next byte", "byte(1)"),
        Key("byte.previous", "left", "←", "previous byte", "In a packet's bytes: previous byte", "byte(-1)"),
        Key("byte.down", "down,j", "↓ j", "line down", "In a packet's bytes: one line down", "line(1)"),
        Key("byte.up", "up,k", "↑ k", "line up", "In a packet's bytes: one line up", "line(-1)"),
        Key("byte.open", "enter", "Enter", "to its field", "From a byte to its field in the tree", "open"),
    ),
    (KeyContext.SCREEN, Group.MOVE): (
        Key("next_pane", "tab", "Tab", "next pane", "Next pane", "next_pane(1)"),
        Key("previous_pane", "shift+tab", "Shift+Tab", "previous pane", "Previous pane", "next_pane(-1)"),
        Key("goto", "colon,ctrl+g", ": ^G", "go to", "Go to a packet, a frame or a call by its number", "go_to"),
        Key("back", "escape", "Esc", "back", "Back to the list; leave the zoom or an opened capture", "back"),
    ),
    (KeyContext.BROWSER, Group.MOVE): (
        Key("next_tab", "right", "→", "next tab", "Next tab; in a tree: expand", "turn(1)"),
        Key("previous_tab", "left", "←", "previous tab", "Previous tab; in a tree: collapse or go up", "turn(-1)"),
        Key("row.next", "f8,ctrl+down", "F8 ^↓", "next row", "Next row, from either pane", "row(1)"),
        Key("row.previous", "f7,ctrl+up", "F7 ^↑", "previous row", "Previous row, from either pane", "row(-1)"),
    ),
    (KeyContext.BROWSER, Group.LOOK): (
        Key("follow", "f", "f", "follow", "Follow the stream of the selected frame", "follow"),
        Key("stream.next", "full_stop,ctrl+full_stop", ".", "next in stream", "Next frame of the stream", "step(1)"),
        Key("stream.previous", "comma,ctrl+comma", ",", "previous", "Previous frame of the stream", "step(-1)"),
        Key("cross", "p", "p", "packet", "From a frame to its packet, and back", "cross"),
        Key("tree.all", "E", "E", "expand all", "Expand or collapse the whole tree of a packet", "open_all"),
        Key("field.filter", "a", "a", "as filter", "Filter by the field: apply, not, and, or", "filter_field"),
        Key("tcp", "P", "P", "TCP stream", "Follow the TCP stream of a packet", "follow_tcp"),
        Key("tcp.next", "right_square_bracket", "]", "next stream", "Next TCP stream or call", "turn_stream(1)"),
        Key("tcp.previous", "left_square_bracket", "[", "previous", "Previous TCP stream or call", "turn_stream(-1)"),
        Key("write", "w", "w", "write", "Save what the right pane shows; raw TCP streams as bytes", "write"),
        Key("connection", "c", "c", "connection", "Filter by this connection; again: show all", "narrow"),
        Key("copy", "y", "y", "copy", "Copy the row, the followed stream, or bytes as hex", "copy"),
        Key("reference", "T,ctrl+t", "T", "time zero", "Count times from this row or not", "screen.set_reference"),
        Key("reading", "v", "v", "read as", _READ, "reading"),
    ),
    (KeyContext.SCREEN, Group.LOOK): (
        Key("filter", "slash,ctrl+slash,ctrl+underscore", "/", "filter", "To the filter; also Ctrl+/", "focus_filter"),
        Key("find", "ctrl+f", "^F", "find", "Find text, a regular expression or bytes", "find"),
        Key("match.next", "n,ctrl+n", "n ^N", "next match", "Next match of Find or the filter", "match(1)"),
        Key("match.previous", "N,ctrl+b", "N ^B", "previous", "Previous match of Find or the filter", "match(-1)"),
        Key("control", "h", "h", "control frames", "Hide or show control frames: SETTINGS, PING, …", "toggle_control"),
        Key("name", "M", "M", "name", "Name the method of a call if the capture does not hold it", "name_method"),
        Key("copy_as", "Y", "Y", "copy as", "Copy the call as grpcurl command, Python, JSON or text", "copy_as"),
        Key("times", "t", "t", "times", "Times since the start or the previous row, or as time of day", "turn_times"),
        Key("columns", "C", "C", "columns", "Choose the columns of the list and their order", "choose_columns"),
        Key("comment", "number_sign,alt+ctrl+c", "#", "comment", "Comment on the packet; saved in pcapng", "comment"),
        Key("compare", "equals_sign", "=", "compare", "Compare the selected call with the marked one (m)", "compare"),
        Key("menu", "x,shift+f10", "x", "menu", "Actions for the selection, like a right click", "menu"),
        Key("statistics", "s", "s", "statistics", _COUNT, "statistics"),
        Key("zoom", "backslash", "\\", "zoom", "Maximise the pane, and back", "zoom"),
    ),
    (KeyContext.LIST, Group.LOOK): (
        Key("mark", "m,ctrl+m", "m", "mark", "Mark or unmark the row", "mark"),
        Key("sort", "o", "o", "sort", "Sort by the next column; a click on a title sorts by it", "sort(1)"),
        Key("sort.turn", "O", "O", "reverse", "Reverse the order", "reverse_order"),
        Key("unfold", "plus", "+", "expand", "Expand a call to its messages, a message to its frames", "fold(True)"),
        Key("fold", "minus", "-", "collapse", "Collapse the row or its parent", "fold(False)"),
        Key("mark.next", "apostrophe", "'", "next mark", "Next marked row, wrapping around", "move('next_mark')"),
        Key("mark.all", "A", "A", "mark all", "Mark all rows shown", "mark_all(True)"),
        Key("mark.none", "U", "U", "unmark all", "Unmark all rows of the list", "mark_all(False)"),
    ),
    (KeyContext.FILTER, Group.LOOK): (
        Key("filter.keep", "enter", "Enter", "keep", "Back to the list; the filter stays", "leave"),
        Key("filter.clear", "ctrl+u", "Ctrl+U", "clear", "Clear the filter", "clear_filter"),
        Key("filter.leave", "escape", "Esc", "back", "Back to the list; stops a running scan", "back_out"),
        Key("filter.older", "up", "↑", "history", "Earlier filters", "older"),
        Key("filter.newer", "down", "↓", "later", "Later filters", "newer"),
        Key("filter.names", "ctrl+n,ctrl+@", "^N", "names", "Names of Wireshark's fields; also Tab", "complete"),
    ),
    (KeyContext.FIND, Group.LOOK): (
        Key("find.keep", "enter", "Enter", "go to", "Go to the match; n and N visit the others", "keep"),
        Key("find.kind", "f7", "^F", "kind", "Text, regular expression or hex", "turn_kind"),
        Key("find.where", "down", "↓ ↑", "where", "Search rows, headers, messages, bytes or all", "turn_where(1)"),
        Key("find.where_back", "up", "↑", "where", "Previous place to search in", "turn_where(-1)"),
        Key("find.end", "escape", "Esc", "end", "Stop the search; again: close Find", "end_search"),
    ),
    (KeyContext.SCREEN, Group.CAPTURE): (
        Key("capture", "ctrl+e", "^E", "stop/start", "Stop or resume the capture", "toggle_capture"),
        Key("save", "ctrl+s", "^S", "save", _SAVE, "save"),
        Key("decode", "d", "d", "decode as", "Decode a port as HTTP/2, as TLS or not at all", "decode_as"),
        Key("load", "ctrl+o", "^O", "open", "Open a capture file; this capture continues", "load"),
        Key("left", "f9", "F9", "killed run", "Open, save or delete the capture of a killed run", "choose_left"),
    ),
    (KeyContext.APP, Group.APP): (
        Key("help", "question_mark", "?", "help", "All keys", "help"),
        Key("help.always", "f1", "F1", "help", "All keys; also from an input", "help"),
        Key("palette", "ctrl+p", "^P", "actions", "Find an action by its name; also themes", "command_palette"),
        Key("secrets", "", "^P", "secrets", "Show secrets in copies and exports, or mask them", "toggle_secrets"),
        Key("quit", "ctrl+q", "^Q", "quit", "Quit", "quit"),
    ),
}  # fmt: skip

FOOTER: Final = (
    *("find.keep", "find.kind", "find.where", "find.end"),
    *("send", "send.apart", "filter.keep", "filter.clear", "filter.leave", "filter.names", "filter.older"),
    *("half_close", "cancel", "request"),
    *("filter", "open", "pane.open", "byte.open", "follow", "back", "find", "cross", "field.filter", "unfold", "sort"),
    *("edit", "method", "request.leave", "tcp.next", "tree.all", "stream.next", "control", "copy", "zoom", "reading"),
    *("tcp", "compare", "statistics", "copy_as", "resend", "history.back", "history", "times", "write"),
    *("capture", "save", "schema", "decode", "help", "help.always", "palette", "quit"),
)
"""The keys in the footer, in order. Only those that are active are shown."""

MENU: Final = (
    *("open", "pane.open", "byte.open", "follow", "cross", "tcp", "tcp.next", "tcp.previous", "field.filter"),
    *("connection", "mark", "comment", "reference", "times", "columns", "copy", "copy_as", "write", "resend", "name"),
    *("compare", "unfold", "fold", "tree.all", "reading", "stream.next", "stream.previous", "save"),
)
"""The actions in the menu, in order. Only those that are active are shown."""

_PRIORITY: Final = frozenset(
    {"capture", "save", "load", "left", "help.always", "palette", "quit", "half_close", "cancel"}
    | {"method", "history", "calls", "schema", "find"}
)
"""Keys that take priority over the focused widget. It gets them while their action is not possible."""


def bindings(context: KeyContext) -> list[BindingType]:
    """Return the bindings for the class that is `context`."""
    return [_binding(key) for place, key in entries() if place is context and key.keys]


def entries(group: Group | None = None) -> Iterator[tuple[KeyContext, Key]]:
    """Yield all keys, or those of one group, with their contexts."""
    for (context, group_of_keys), keys in _TABLE.items():
        if group in (None, group_of_keys):
            yield from ((context, key) for key in keys)


def _binding(key: Key) -> Binding:
    return Binding(
        key.keys,
        key.action,
        key.label,
        show=key.id in FOOTER,
        key_display=key.shown,
        priority=key.id in _PRIORITY,
        tooltip=key.tooltip,
        id=key.id,
    )
