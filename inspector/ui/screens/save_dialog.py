"""Asks where to save, and before a file is written over."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from inspector.ui.screens.dialog import Dialog
from inspector.views.text import clean


class SaveDialog(Dialog[Path]):
    """Gives the path to write to, or None."""

    def __init__(self, source: str, suffix: str = ".pcap", title: str = "Save the capture") -> None:
        """`source` is what the name of the file is made from."""
        super().__init__()
        self._source, self._suffix, self._title = source, suffix, title
        self._asked: Path | None = None

    def compose(self) -> ComposeResult:
        """A path, and a line that says what Enter does."""
        with Vertical(classes="dialog") as box:
            box.border_title = Content(clean(self._title))
            yield Input(default_name(self._source, self._suffix), id="path")
            yield Static(id="dialog-note", markup=False)

    def on_mount(self) -> None:
        """Say what keys do."""
        self.say("Enter saves · Esc cancels")

    @on(Input.Changed)
    def _forget(self) -> None:
        self._asked = None
        self.say("Enter saves · Esc cancels")

    @on(Input.Submitted)
    def _decide(self, event: Input.Submitted) -> None:
        path = Path(event.value).expanduser()
        if not event.value.strip() or path.is_dir():
            self.say("Name a file.", is_warning=True)
        elif not path.parent.is_dir():
            self.say(f"There is no folder {path.parent}.", is_warning=True)
        elif path.exists() and self._asked != path:
            self._asked = path
            self.say(f"{path.name} is there already. Enter again writes over it · Esc cancels", is_warning=True)
        else:
            self.dismiss(path)


def default_name(source: str, suffix: str) -> str:
    """The name that is proposed for what is made of a source: with the time, so that it is hardly ever there."""
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", source.removesuffix(".gz").removesuffix(".pcapng").removesuffix(".pcap"))
    return f"{name.strip('-') or 'capture'}-{datetime.now().astimezone():%Y%m%d-%H%M%S}{suffix}"
