"""Every key of the app, once: footer, help and command palette are all made from this table.

Owns ids, keys, words and places. An action itself belongs to the widget of its place, one of the screen to the part
that has it. Letters act only where no input has the focus: an input takes them first.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from textual.binding import Binding, BindingType


class KeyContext(StrEnum):
    """Where a key works: the widget, with all that is in it, that has the action."""

    APP = "app"
    SCREEN = "screen"
    BROWSER = "browser"
    """Both panes."""
    LIST = "list"
    PANE = "pane"
    HEX = "hex"
    FILTER = "filter"
    FIND = "find"
    REQUEST = "request"
    EDITOR = "editor"


class Group(StrEnum):
    """The headings of the help screen."""

    SEND = "Send"
    MOVE = "Move"
    LOOK = "Look"
    CAPTURE = "Capture"
    APP = "Program"


class Key(NamedTuple):
    """One action with its keys."""

    id: str
    """Unique."""
    keys: str
    """In Textual's names, separated by commas; empty for what only the palette offers."""
    shown: str
    """The keys as people write them."""
    label: str
    """A word or two, for the footer."""
    tooltip: str
    """What it does, for help and palette."""
    action: str


_SAVE: Final = (
    "Save all packets, or those shown, marked or of a call, as pcapng; export frames, calls, messages as JSON, "
    "messages as files, Follow as text or HTML, the screen as SVG"
)
_READ: Final = "Read messages as protobuf, wire, JSON, text or hex; TCP streams as ASCII, hex dump or raw"
_PANE_PAGE_DOWN: Final = "In the right pane: one page down"
_UNFOLD: Final = "Unfold a call into its messages, a message into its frames"
_COUNT: Final = "Statistics: frames by type, calls and bytes a second, conversations, latency of methods"

_TABLE: Final[dict[tuple[KeyContext, Group], tuple[Key, ...]]] = {
    (KeyContext.REQUEST, Group.SEND): (
        Key("send", "enter", "Enter", "send", "Send what is in the request box, empty or not", "submit"),
        Key("send.apart", "f5,ctrl+j,ctrl+enter", "F5", "another", "Send it as a call beside the open one", "apart"),
        Key("history.back", "up", "↑", "history", "Bring back what was sent before", "back_in_history"),
        Key("history.forward", "down", "↓", "later", "Forward in what was sent", "forward_in_history"),
        Key("edit.box", "ctrl+g", "^G", "edit", "Edit the request, as F2 does", "screen.edit"),
        Key("request.leave", "escape", "Esc", "list", "From the request box to the list", "leave"),
    ),
    (KeyContext.SCREEN, Group.SEND): (
        Key("request", "i", "i", "send", "Go to the request box", "focus_request"),
        Key("half_close", "ctrl+d", "^D", "end", "Half-close the running call: no more messages", "half_close"),
        Key("cancel", "ctrl+x", "^X", "cancel", "Cancel the running call", "cancel"),
        Key("edit", "f2", "F2", "edit", "Edit the request: JSON, metadata, deadline, …", "edit"),
        Key("method", "ctrl+t", "^T", "method", "Choose the method to call", "choose_method"),
        Key("history", "ctrl+r", "^R", "sent before", "Search what was sent before, in other sessions too", "recall"),
        Key("calls", "f4", "F4", "running", "The calls that run: choose, half-close or cancel any", "choose_call"),
        Key("resend", "R", "R", "resend", "Edit the selected call, whoever sent it, and send it again", "resend"),
        Key("reconnect", "ctrl+l", "^L", "reconnect", "Give up the connection; the next call makes one", "reconnect"),
        Key("schema", "f3", "F3", "schema", "Where the schema is from; switch sources on and off", "choose_schema"),
        Key("history.clear", "", "^P", "clear history", "Clear request history, its file on disk too", "clear_history"),
        Key("schema.reload", "f6", "F6", "reload schema", "Read .proto files and reflection again", "reload_schema"),
    ),
    (KeyContext.EDITOR, Group.SEND): (
        Key("editor.send", "f5,ctrl+j,ctrl+enter", "F5 ^J", "send", "Send it; Ctrl+Enter too", "send"),
        Key("editor.complete", "ctrl+n,ctrl+@", "^N", "names", "Names of fields and values at the cursor", "complete"),
        Key("editor.template", "ctrl+t", "^T", "template", "Begin anew with all fields; Ctrl+Z undoes", "template"),
        Key("editor.close", "escape", "Esc", "close", "Close the editor and keep what was written", "close"),
    ),
    (KeyContext.LIST, Group.MOVE): (
        Key("down", "j,down", "j ↓", "down", "One row down", "move('down')"),
        Key("up", "k,up", "k ↑", "up", "One row up", "move('up')"),
        Key("page_down", "pagedown,space", "PgDn", "page down", "One page down", "move('page_down')"),
        Key("page_up", "pageup", "PgUp", "page up", "One page up", "move('page_up')"),
        Key("first", "g,home", "g Home", "first", "To the first row", "move('first')"),
        Key("last", "G,end", "G End", "last", "To the last row, and follow the tail from there", "move('last')"),
        Key("tail", "F", "F", "tail", "Follow the tail: stay at the newest row", "move('last')"),
        Key("open", "enter", "Enter", "open", "Open the row in the other pane", "open"),
    ),
    (KeyContext.PANE, Group.MOVE): (
        Key("pane.down", "j,down", "j ↓", "down", "In the right pane: one line down", "move('down')"),
        Key("pane.up", "k,up", "k ↑", "up", "In the right pane: one line up", "move('up')"),
        Key("pane.page_down", "pagedown,space", "PgDn", "page down", _PANE_PAGE_DOWN, "move('page_down')"),
        Key("pane.page_up", "pageup", "PgUp", "page up", "In the right pane: one page up", "move('page_up')"),
        Key("pane.first", "g,home", "g Home", "top", "In the right pane: to the top", "move('first')"),
        Key("pane.last", "G,end", "G End", "end", "In the right pane: to the end", "move('last')"),
        Key("pane.open", "enter", "Enter", "open", "From a step to its frame; a field of a tree: open, fold", "open"),
    ),
    (KeyContext.HEX, Group.MOVE): (
        Key("byte.next", "right,l", "→", "next byte", "In a packet's bytes: the next one; the tree follows", "byte(1)"),
        Key("byte.previous", "left", "←", "byte before", "In a packet's bytes: the byte before", "byte(-1)"),
        Key("byte.down", "down,j", "↓ j", "line down", "In a packet's bytes: one line down", "line(1)"),
        Key("byte.up", "up,k", "↑ k", "line up", "In a packet's bytes: one line up", "line(-1)"),
        Key("byte.open", "enter", "Enter", "to its field", "From a byte to its field in the tree", "open"),
    ),
    (KeyContext.SCREEN, Group.MOVE): (
        Key("next_pane", "tab", "Tab", "next pane", "To the next pane", "next_pane(1)"),
        Key("previous_pane", "shift+tab", "Shift+Tab", "previous pane", "To the previous pane", "next_pane(-1)"),
        Key("goto", "colon,ctrl+g", ": ^G", "go to", "Go to a packet, a frame or a call by its number", "go_to"),
        Key("back", "escape", "Esc", "back", "Back: to the list, out of the zoom, out of an opened capture", "back"),
    ),
    (KeyContext.BROWSER, Group.MOVE): (
        Key("next_tab", "right", "→", "next tab", "The next tab: Frames, Methods, …; in a tree: open", "turn(1)"),
        Key("previous_tab", "left", "←", "previous tab", "The tab before; in a tree: fold, or go up", "turn(-1)"),
        Key("row.next", "f8,ctrl+down", "F8 ^↓", "next row", "The next row of the list, from either pane", "row(1)"),
        Key("row.previous", "f7,ctrl+up", "F7 ^↑", "row before", "The row before", "row(-1)"),
    ),
    (KeyContext.BROWSER, Group.LOOK): (
        Key("follow", "f", "f", "follow", "Follow the stream of the selected frame", "follow"),
        Key("stream.next", "full_stop,ctrl+full_stop", ".", "next in stream", "Next frame of the stream", "step(1)"),
        Key("stream.previous", "comma,ctrl+comma", ",", "previous", "Previous frame of the stream", "step(-1)"),
        Key("cross", "p", "p", "packet", "From a frame to its packet in Packets, and back", "cross"),
        Key("tree.all", "E", "E", "open all", "Open the whole tree of a packet, or fold it", "open_all"),
        Key("field.filter", "a", "a", "as filter", "Filter by the field: apply, not, and, or", "filter_field"),
        Key("tcp", "P", "P", "TCP stream", "Follow the TCP stream of a packet", "follow_tcp"),
        Key("tcp.next", "right_square_bracket", "]", "next stream", "The next TCP stream, or call", "turn_stream(1)"),
        Key("tcp.previous", "left_square_bracket", "[", "previous", "The stream or call before", "turn_stream(-1)"),
        Key("write", "w", "w", "write", "Save what the right pane shows as a file; raw TCP streams as bytes", "write"),
        Key("connection", "c", "c", "connection", "Show only what is of this connection; again: all", "narrow"),
        Key("copy", "y", "y", "copy", "Copy the row, the followed stream, or the bytes as hex", "copy"),
        Key("reference", "T,ctrl+t", "T", "time zero", "Count times from this row, or not", "screen.set_reference"),
        Key("reading", "v", "v", "read as", _READ, "reading"),
    ),
    (KeyContext.SCREEN, Group.LOOK): (
        Key("filter", "slash,ctrl+slash,ctrl+underscore", "/", "filter", "To the filter; Ctrl+/ too", "focus_filter"),
        Key("find", "ctrl+f", "^F", "find", "Find a text, a regular expression or bytes in the list or pane", "find"),
        Key("match.next", "n,ctrl+n", "n ^N", "next match", "The next thing found, or frame of the filter", "match(1)"),
        Key("match.previous", "N,ctrl+b", "N ^B", "previous", "The thing found before, round the end", "match(-1)"),
        Key("control", "h", "h", "control frames", "Hide or show SETTINGS, PING, WINDOW_UPDATE, …", "toggle_control"),
        Key("name", "M", "M", "name", "Name the method of a call of which the capture does not tell it", "name_method"),
        Key("copy_as", "Y", "Y", "copy as", "Copy the call as a grpcurl command, as Python or as JSON", "copy_as"),
        Key("times", "t", "t", "times", "Times since the start, the row or frame before, as time of day", "turn_times"),
        Key("columns", "C", "C", "columns", "Choose the columns of this list, and their order", "choose_columns"),
        Key("comment", "number_sign,alt+ctrl+c", "#", "comment", "Comment on the packet; a pcapng keeps it", "comment"),
        Key("compare", "equals_sign", "=", "compare", "Compare the selected call with the marked one (m)", "compare"),
        Key("menu", "x,shift+f10", "x", "menu", "What can be done with what is selected; a right click", "menu"),
        Key("statistics", "s", "s", "statistics", _COUNT, "statistics"),
        Key("zoom", "backslash", "\\", "zoom", "Give the pane all the room, and back", "zoom"),
    ),
    (KeyContext.LIST, Group.LOOK): (
        Key("mark", "m,ctrl+m", "m", "mark", "Mark the row, or take its mark away", "mark"),
        Key("sort", "o", "o", "sort", "Sort by the next column; a click on a column's title sorts by it", "sort(1)"),
        Key("sort.turn", "O", "O", "turn order", "Turn the order round", "reverse_order"),
        Key("unfold", "plus", "+", "unfold", _UNFOLD, "fold(True)"),
        Key("fold", "minus", "-", "fold", "Fold what is unfolded, or that of which the row is a part", "fold(False)"),
        Key("mark.next", "apostrophe", "'", "next mark", "To the next marked row, round the end", "move('next_mark')"),
        Key("mark.all", "A", "A", "mark all", "Mark all rows that are shown", "mark_all(True)"),
        Key("mark.none", "U", "U", "unmark all", "Take all marks of this list away", "mark_all(False)"),
    ),
    (KeyContext.FILTER, Group.LOOK): (
        Key("filter.keep", "enter", "Enter", "keep", "From the filter to the list; the filter stays", "leave"),
        Key("filter.clear", "ctrl+u", "Ctrl+U", "clear", "Empty the filter", "clear_filter"),
        Key("filter.leave", "escape", "Esc", "back", "Back to the list; a search that runs is stopped", "back_out"),
        Key("filter.older", "up", "↑", "history", "The filter used before", "older"),
        Key("filter.newer", "down", "↓", "later", "Forward in the filters used", "newer"),
        Key("filter.names", "ctrl+n,ctrl+@", "^N", "names", "Names of Wireshark's fields; Tab too", "complete"),
    ),
    (KeyContext.FIND, Group.LOOK): (
        Key("find.keep", "enter", "Enter", "to it", "To what was found; n and N go on from there", "keep"),
        Key("find.kind", "f7", "^F", "how", "Text, regular expression, or hex: Ctrl+F again", "turn_kind"),
        Key("find.where", "down", "↓ ↑", "where", "Look in rows, headers, messages, bytes, anywhere", "turn_where(1)"),
        Key("find.where_back", "up", "↑", "where", "The place before", "turn_where(-1)"),
        Key("find.end", "escape", "Esc", "end", "Look no further; again: find nothing any more", "end_search"),
    ),
    (KeyContext.SCREEN, Group.CAPTURE): (
        Key("capture", "ctrl+e", "^E", "stop/start", "Stop the capture or the reading, or go on", "toggle_capture"),
        Key("save", "ctrl+s", "^S", "save", _SAVE, "save"),
        Key("decode", "d", "d", "decode as", "Decode a port as HTTP/2, as TLS or not at all", "decode_as"),
        Key("load", "ctrl+o", "^O", "open", "Open a capture file; this capture goes on behind it", "load"),
        Key("left", "f9", "F9", "killed run", "Open, save or delete what a killed run captured", "choose_left"),
    ),
    (KeyContext.APP, Group.APP): (
        Key("help", "question_mark", "?", "help", "All keys", "help"),
        Key("help.always", "f1", "F1", "help", "All keys, from an input too", "help"),
        Key("palette", "ctrl+p", "^P", "actions", "Find any action by its name; themes too", "command_palette"),
        Key("secrets", "", "^P", "secrets", "Show secrets in copies and exports, or mask them again", "turn_secrets"),
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
"""What the footer shows, in its order, as far as it is of use where the focus is."""

MENU: Final = (
    *("open", "pane.open", "byte.open", "follow", "cross", "tcp", "tcp.next", "tcp.previous", "field.filter"),
    *("connection", "mark", "comment", "reference", "times", "columns", "copy", "copy_as", "write", "resend", "name"),
    *("compare", "unfold", "fold", "tree.all", "reading", "stream.next", "stream.previous", "save"),
)
"""What a right click offers, in its order, as far as it is of use."""

_EVERYWHERE: Final = frozenset(
    {"capture", "save", "load", "left", "help.always", "palette", "quit", "half_close", "cancel"}
    | {"method", "history", "calls", "schema", "find"}
)
"""Keys that work wherever the focus is: an input would take some of them, and does while they are of no use."""


def bindings(place: KeyContext) -> list[BindingType]:
    """The bindings of a place, for its class."""
    return [_binding(key) for at, key in entries() if at is place and key.keys]


def entries(group: Group | None = None) -> Iterator[tuple[KeyContext, Key]]:
    """Every key with its place, or those of one group."""
    for (place, of), keys in _TABLE.items():
        if group in (None, of):
            yield from ((place, key) for key in keys)


def _binding(key: Key) -> Binding:
    return Binding(
        key.keys,
        key.action,
        key.label,
        show=key.id in FOOTER,
        key_display=key.shown,
        priority=key.id in _EVERYWHERE,
        tooltip=key.tooltip,
        id=key.id,
    )
