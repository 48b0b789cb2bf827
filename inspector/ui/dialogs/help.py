"""The help: all keys in groups, made from the table of bindings, then the mouse and the syntax of filters."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from inspector.ui.bindings import Group, KeyContext, entries
from inspector.ui.dialogs.base import Dialog

_CONTEXT_NAMES: Final = {
    KeyContext.REQUEST: " (request box)",
    KeyContext.FILTER: " (filter)",
    KeyContext.FIND: " (find)",
    KeyContext.EDITOR: " (editor)",
}
_KEYS_WIDTH: Final = 16
_SCROLLBAR_WIDTH, _MIN_TEXT_WIDTH = 2, 20
_OTHER_GROUPS: Final = {
    "Mouse": (
        ("click", "Select a row or a line; on a byte: its field; on a step of Follow: its frame"),
        ("double click", "Open, as Enter does"),
        ("right click", "Actions for the row or the field; on titles: choose the columns"),
        ("middle click", "Mark or unmark the row"),
        ("on ▸", "Expand or collapse a call, a message, a field"),
        ("on a title", "Sort by that column; on Time in Frames and Packets: the next style of times"),
        ("on the footer", "Same as the key; ^P lists all other actions"),
        ("wheel", "Scroll"),
    ),
    "Filter": (
        ("words", 'Each must match somewhere; "quoted words" match as a phrase'),
        ("key:value", "For method, status, type, stream, connection, sender; method:/a.B/C$ matches that method only"),
        ("-word", "Must not match; also -key:value"),
        ("tcp.port == 1", "A Wireshark display filter, for packets, frames and calls"),
        ("= text", "A display filter that looks like words; Tab completes names of fields"),
        ("n N", "Next and previous match of the filter, wrapping around; of ^F while it is open"),
    ),
}
"""What is not in the table of bindings: key or syntax, and description, by group."""


class HelpScreen(Dialog[None]):
    """Lists all keys."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,f1", "dismiss", "Close")]

    def compose(self) -> ComposeResult:
        """Yield the text in a box that scrolls."""
        with VerticalScroll(classes="dialog -tall") as box:
            box.border_title = "Keys"
            box.border_subtitle = "↓ ↑ scroll · Esc closes"
            yield Static(id="help")

    def on_mount(self) -> None:
        """Let the arrow keys scroll."""
        self.query_one(VerticalScroll).focus()

    def on_resize(self, _event: events.Resize) -> None:
        """Wrap the text to the new width."""
        self.call_after_refresh(self._draw)

    def _draw(self) -> None:
        width = self.query_one(VerticalScroll).content_region.width - _SCROLLBAR_WIDTH
        self.query_one("#help", Static).update(Content.assemble(*_spans(max(width - _KEYS_WIDTH, _MIN_TEXT_WIDTH))))


def _spans(width: int) -> Iterator[tuple[str, str]]:
    """Yield the help as texts with their styles; `width` is that of the column of descriptions."""
    for title, lines in _groups():
        yield f"{title}\n", "bold $primary"
        for key, description in lines:
            yield f"  {key:<{_KEYS_WIDTH - 2}}", "bold $tone-shortcut"
            yield f"\n{' ' * _KEYS_WIDTH}".join(wrap(description, width)) + "\n", ""
        yield "\n", ""


def _groups() -> Iterator[tuple[str, Iterator[tuple[str, str]]]]:
    """Yield the title of each group, and its keys with their descriptions."""
    for group in Group:
        yield group, ((key.shown, f"{key.tooltip}{_CONTEXT_NAMES.get(context, '')}") for context, key in entries(group))
    yield from ((title, iter(lines)) for title, lines in _OTHER_GROUPS.items())
