"""Asks what to save or export, and where to, and before a file is written over."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Checkbox, Input, OptionList, Static
from textual.widgets.option_list import Option

from inspector.ui.copies import SecretSwitch, secrets_label
from inspector.ui.exports import Included, Way
from inspector.ui.screens.destination import Destination, default_name, typed_path
from inspector.ui.screens.dialog import Dialog
from inspector.views.text import clean

_HELP: Final = "Enter saves · ↑ ↓ what · Tab, Space the box · Esc cancels"
_MOVES: Final = {"down": "cursor_down", "up": "cursor_up", "pagedown": "page_down", "pageup": "page_up"}
_ROOM: Final = 34


class Order(NamedTuple):
    """What was chosen."""

    way: Way
    path: Path
    included: Included


class ExportDialog(Dialog[Order]):
    """Gives an order, or None."""

    def __init__(self, ways: Sequence[Way], source: str, secrets: SecretSwitch) -> None:
        """`source` is what the name of the file is made from."""
        super().__init__()
        self._ways, self._source, self._secrets = ways, source, secrets
        self._proposed = ""
        self._destination = Destination()
        self._taken = -1
        """The way that was clicked last: a second click on it saves."""

    def compose(self) -> ComposeResult:
        """What can be written, where to, and a line that says what keys do."""
        with Vertical(classes="dialog -choice -export") as box:
            box.border_title = "Save or export"
            yield OptionList(*map(_option, self._ways), id="ways", markup=False, compact=True)
            yield Input(id="path")
            yield Checkbox("Keep the TLS keys that are in it", id="keys", compact=True)
            yield Checkbox(secrets_label(self._secrets.secrets), self._secrets.is_on, id="secrets", compact=True)
            yield Static(id="dialog-note", markup=False)

    def on_mount(self) -> None:
        """The whole capture is what is saved most often."""
        self._list.highlighted = 0
        self.query_one(Input).focus()
        self.say(_HELP)

    @property
    def _list(self) -> OptionList:
        return self.query_one("#ways", OptionList)

    def _box(self, name: str) -> Checkbox:
        return self.query_one(f"#{name}", Checkbox)

    @property
    def _way(self) -> Way:
        return self._ways[self._list.highlighted or 0]

    @on(OptionList.OptionHighlighted)
    def _propose(self) -> None:
        """A name for what is chosen; one that was typed stays."""
        field, way = self.query_one(Input), self._way
        if field.value == self._proposed:
            field.value = self._proposed = default_name(self._source, way.ending)
            field.cursor_position = len(field.value)
        self._box("keys").display, self._box("secrets").display = way.has_keys, way.has_secrets
        self._forget()

    @on(Input.Changed)
    def _forget(self) -> None:
        self._destination.forget()
        self.say(_HELP)

    @on(OptionList.OptionSelected)
    def _take(self, event: OptionList.OptionSelected) -> None:
        if event.option_index == self._taken:
            self._decide()
        else:
            self._taken = event.option_index
            self.say("Once more saves · Esc cancels")

    @on(Input.Submitted)
    def _decide(self) -> None:
        path = typed_path(self.query_one(Input).value)
        if (objection := self._destination.objection(path, is_folder=self._way.is_folder)) is None:
            included = Included(self._box("keys").value, self._box("secrets").value)
            self.dismiss(Order(self._way, path, included))
        else:
            self.say(objection, is_warning=True)

    def on_key(self, event: events.Key) -> None:
        """Keys that move choose what is written, although the focus is where one types."""
        if event.key in _MOVES and not self._list.has_focus:
            event.stop()
            getattr(self._list, f"action_{_MOVES[event.key]}")()


def _option(way: Way) -> Option:
    return Option(Content.assemble(way.title.ljust(_ROOM), "  ", (clean(way.facts), "$tone-dim")))
