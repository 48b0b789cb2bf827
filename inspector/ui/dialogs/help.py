"""All keys, in groups, made from the table of bindings; then what is not a key."""

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

_WHERE: Final = {
    KeyContext.REQUEST: " (request box)",
    KeyContext.FILTER: " (filter)",
    KeyContext.FIND: " (find)",
    KeyContext.EDITOR: " (editor)",
}
_KEYS: Final = 16
"""Cells of the column of keys."""
_SCROLLBAR, _NARROWEST = 2, 20
_MORE: Final = {
    "Mouse": (
        ("click", "Select a row or a line; a byte leads to its field; a click on a step of Follow selects its frame"),
        ("double click", "Open, as Enter does"),
        ("right click", "What can be done with the row or the field; on titles: choose the columns"),
        ("middle click", "Mark the row, or take its mark away"),
        ("on a sign ▸", "Unfold or fold a call, a message, a field"),
        ("on a title", "Sort by that column; on Time in Frames and Packets: times in another way"),
        ("on the footer", "Do what that key does; ^P there has everything else"),
        ("wheel", "Scroll"),
    ),
    "Filter": (
        ("words", 'They match anywhere, and all must match; "quoted words" stay together'),
        ("key:value", "For method, status, type, stream, connection, sender; method:/a.B/C$ is that method alone"),
        ("-word", "Not this; -key:value too"),
        ("tcp.port == 1", "What looks like a Wireshark display filter is one, over packets, frames and calls"),
        ("= text", "A display filter that does not look like one; Tab completes the names of fields"),
        ("n N", "Visit what the filter finds, from anywhere, round the end; while ^F is on, what that has found"),
    ),
}
"""What can be done besides, by groups."""


class HelpScreen(Dialog[None]):
    """The help."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,f1", "dismiss", "Close")]

    def compose(self) -> ComposeResult:
        """A column of keys and one of words."""
        with VerticalScroll(classes="dialog -tall") as box:
            box.border_title = "Keys"
            box.border_subtitle = "↓ ↑ scroll · Esc closes"
            yield Static(id="help")

    def on_mount(self) -> None:
        """Let the arrow keys scroll."""
        self.query_one(VerticalScroll).focus()

    def on_resize(self, _event: events.Resize) -> None:
        """Words are broken to the width that there is."""
        self.call_after_refresh(self._draw)

    def _draw(self) -> None:
        width = self.query_one(VerticalScroll).content_region.width - _SCROLLBAR
        self.query_one("#help", Static).update(Content.assemble(*_pieces(max(width - _KEYS, _NARROWEST))))


def _pieces(width: int) -> Iterator[tuple[str, str]]:
    for title, lines in _groups():
        yield f"{title}\n", "bold $primary"
        for key, words in lines:
            yield f"  {key:<{_KEYS - 2}}", "bold $tone-shortcut"
            yield f"\n{' ' * _KEYS}".join(wrap(words, width)) + "\n", ""
        yield "\n", ""


def _groups() -> Iterator[tuple[str, Iterator[tuple[str, str]]]]:
    for group in Group:
        yield group, ((key.shown, f"{key.tooltip}{_WHERE.get(place, '')}") for place, key in entries(group))
    yield from ((title, iter(lines)) for title, lines in _MORE.items())
