"""All keys, in groups, made from the table of bindings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from inspector.ui.bindings import Group, Place, entries
from inspector.ui.screens.dialog import Dialog

_WHERE: Final = {
    Place.REQUEST: " (request box)",
    Place.FILTER: " (filter)",
    Place.FIND: " (find)",
    Place.EDITOR: " (editor)",
}
_MORE: Final = """\
A filter is words that match anywhere, and key:value for method, status, type, stream, connection and sender.
A minus before any of them means not; "quoted words" stay together; method:/a.B/C$ is that method and no longer one.
All parts must match. n and N visit the frames that it finds from wherever the focus is, round the end; while something
is looked for by Ctrl+F they visit what is found of that, in the list or in the pane that has the focus.
What looks like a Wireshark display filter is one, over packets, frames and calls: tcp.port == 37564, !http2,
tcp.analysis.flags; = in front says so where it does not look like one. Tab completes the names of fields.
With the mouse: click selects, double click opens, the wheel scrolls; a click on a step of Follow selects its frame,
on the title of a column sorts by it, on the mark before a call, a message or a field unfolds it, on a byte finds its
field."""


class HelpScreen(Dialog[None]):
    """The help."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,f1", "dismiss", "Close")]

    def compose(self) -> ComposeResult:
        """A column of keys and one of words."""
        with VerticalScroll(classes="dialog -tall") as box:
            box.border_title = "Keys"
            box.border_subtitle = "Esc closes"
            yield Static(Content.assemble(*_pieces()))

    def on_mount(self) -> None:
        """Let the arrow keys scroll."""
        self.query_one(VerticalScroll).focus()


def _pieces() -> Iterator[tuple[str, str]]:
    for group in Group:
        yield f"{group}\n", "bold $primary"
        for place, key in entries(group):
            yield f"  {key.shown:<11}", "bold $footer-key-foreground"
            yield f"{key.tooltip}{_WHERE.get(place, '')}\n", ""
        yield "\n", ""
    yield _MORE, "$tone-dim"
