"""Dialogs that ask for a path: save, export, open, captures left by killed runs."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.suggester import Suggester
from textual.widgets import Checkbox, DirectoryTree, Input, OptionList, Static
from textual.widgets.option_list import Option

from inspector.capture.left_captures import DAYS_KEPT, LeftCapture
from inspector.files import expand, status_of
from inspector.text import clean
from inspector.ui.dialogs.base import Dialog
from inspector.ui.dialogs.export import ExportOption, Included, SecretSwitch, secrets_label


class Destination:
    """A path that is checked when Enter is pressed. Owns which one was asked about: Enter again writes over it."""

    def __init__(self) -> None:
        self._asked: Path | None = None

    def forget(self) -> None:
        """Something else is typed, or chosen: what was asked is not answered by the next Enter."""
        self._asked = None

    def objection(self, path: Path, *, is_folder: bool = False) -> str | None:
        """What is wrong with a path for a file, or for a folder of files; None for one that can be taken."""
        try:
            return self._look(path, is_folder=is_folder)
        except OSError as error:
            return f"Nothing can be written to {path}: {error.strerror}."

    def _look(self, path: Path, *, is_folder: bool) -> str | None:
        if not path.name:
            return "Name a file."
        parent, status = status_of(path.parent), status_of(path)
        if parent is None or not stat.S_ISDIR(parent.st_mode):
            return f"There is no folder {path.parent}."
        is_file = status is not None and not stat.S_ISDIR(status.st_mode)
        if is_folder:
            return f"{path} is a file; name a folder." if is_file else None
        if status is not None and not is_file:
            return f"{path} is a folder; name a file in it."
        if is_file and self._asked != path:
            self._asked = path
            return f"{path.name} is there already. Enter again writes over it · Esc cancels"
        return None


def typed_path(text: str) -> Path:
    """What was typed, as a path; `~` is one's home."""
    return expand(text.strip())


def default_name(source: str, suffix: str) -> str:
    """The name that is proposed for what is made of a source: with the time, so that it is hardly ever there."""
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", source.removesuffix(".gz").removesuffix(".pcapng").removesuffix(".pcap"))
    return f"{name.strip('-') or 'capture'}-{datetime.now().astimezone():%Y%m%d-%H%M%S}{suffix}"


_HELP: Final = "Enter saves · Esc cancels"
_HELP_WITH_BOX: Final = "Enter saves · Tab, Space the box · Esc cancels"


class SaveLocation(NamedTuple):
    """Where to write to."""

    path: Path
    shows_secrets: bool


class SaveDialog(Dialog[SaveLocation]):
    """Gives where to write to, or None."""

    def __init__(self, source: str, suffix: str, title: str, secrets: str = "") -> None:
        """`source` is what the name of the file is made from; `secrets` the label of a box that shows them, if any."""
        super().__init__()
        self._source, self._suffix, self._title, self._secrets = source, suffix, title, secrets
        self._destination = Destination()

    def compose(self) -> ComposeResult:
        """A path, and a line that says what Enter does."""
        with Vertical(classes="dialog") as box:
            box.border_title = Content(clean(self._title))
            yield Input(default_name(self._source, self._suffix), id="path")
            if self._secrets:
                yield Checkbox(self._secrets, id="secrets", compact=True)
            yield Static(id="dialog-note", markup=False)

    def on_mount(self) -> None:
        """Say what keys do."""
        self.say(_HELP_WITH_BOX if self._secrets else _HELP)

    @on(Input.Changed)
    def _forget(self) -> None:
        self._destination.forget()
        self.say(_HELP_WITH_BOX if self._secrets else _HELP)

    @on(Input.Submitted)
    def _decide(self, event: Input.Submitted) -> None:
        path = typed_path(event.value)
        if (objection := self._destination.objection(path)) is None:
            shows_secrets = any(box.value for box in self.query(Checkbox))
            self.dismiss(SaveLocation(path, shows_secrets))
        else:
            self.say(objection, is_warning=True)


_EXPORT_HELP: Final = "Enter saves · ↑ ↓ what · Tab, Space the box · Esc cancels"
_MOVES: Final = {"down": "cursor_down", "up": "cursor_up", "pagedown": "page_down", "pageup": "page_up"}
_ROOM: Final = 34


class ExportOrder(NamedTuple):
    """What was chosen."""

    way: ExportOption
    path: Path
    included: Included


class ExportDialog(Dialog[ExportOrder]):
    """Gives an order, or None."""

    def __init__(self, ways: Sequence[ExportOption], source: str, secrets: SecretSwitch) -> None:
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
        self.say(_EXPORT_HELP)

    @property
    def _list(self) -> OptionList:
        return self.query_one("#ways", OptionList)

    def _box(self, name: str) -> Checkbox:
        return self.query_one(f"#{name}", Checkbox)

    @property
    def _way(self) -> ExportOption:
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
        self.say(_EXPORT_HELP)

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
            self.dismiss(ExportOrder(self._way, path, included))
        else:
            self.say(objection, is_warning=True)

    def on_key(self, event: events.Key) -> None:
        """Keys that move choose what is written, although the focus is where one types."""
        if event.key in _MOVES and not self._list.has_focus:
            event.stop()
            getattr(self._list, f"action_{_MOVES[event.key]}")()


def _option(way: ExportOption) -> Option:
    return Option(Content.assemble(way.title.ljust(_ROOM), "  ", (clean(way.facts), "$tone-dim")))


_CAPTURES: Final = (".pcap", ".pcapng", ".cap", ".pcap.gz", ".pcapng.gz", ".cap.gz")


class _CaptureTree(DirectoryTree):
    """Folders, and the files whose names look like captures."""

    ICON_NODE = "▸ "
    ICON_NODE_EXPANDED = "▾ "
    ICON_FILE = "  "

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        """Leave out what is hidden and what is no capture by its name."""
        return (path for path in paths if _is_offered(path))


class _PathSuggester(Suggester):
    """Completes a path by the first capture or folder that begins so."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The completed path, None where nothing begins so."""
        return _completed(value) if value else None


class OpenDialog(Dialog[Path]):
    """Gives the path of a file, or None."""

    def compose(self) -> ComposeResult:
        """A path with completion, a tree, and a line that says what keys do."""
        with Vertical(classes="dialog -tall") as box:
            box.border_title = "Open a capture"
            yield Input(
                id="path", placeholder="Path of a pcap or pcapng file, gzipped or not", suggester=_PathSuggester()
            )
            yield _CaptureTree(Path.cwd())
            yield Static(Content("Enter opens · → completes · Tab to the tree · Esc cancels"), id="dialog-note")

    @on(Input.Submitted)
    def _decide(self, event: Input.Submitted) -> None:
        path = expand(event.value)
        try:
            status = status_of(path)
        except OSError as error:
            self.say(f"{path} cannot be opened: {error.strerror}.", is_warning=True)
            return
        if status is not None and not stat.S_ISDIR(status.st_mode):
            self.dismiss(path)
        elif event.value:
            self.say(f"{path} is a folder." if status else f"There is no file {path}.", is_warning=True)

    @on(DirectoryTree.FileSelected)
    def _take(self, event: DirectoryTree.FileSelected) -> None:
        self.dismiss(event.path)


def _is_offered(path: Path) -> bool:
    if path.name.startswith("."):
        return False
    try:
        return path.name.lower().endswith(_CAPTURES) or path.is_dir()
    except OSError:  # where nothing may be looked at, nothing is offered
        return False


def _completed(typed: str) -> str | None:
    path = expand(typed)
    folder, start = (path, "") if typed.endswith("/") else (path.parent, path.name)
    try:
        found = sorted(each.name for each in folder.iterdir() if each.name.startswith(start) and _is_offered(each))
    except OSError:
        return None
    return typed[: len(typed) - len(start)] + found[0] if found else None


_NOTE: Final = "Enter, or a click · Esc: later"


class Fate(StrEnum):
    """What becomes of one of them; Esc leaves all as they are."""

    OPEN = "Open it"
    SAVE = "Save it as …"
    DELETE = "Delete it"


class Decision(NamedTuple):
    """What was chosen."""

    capture: LeftCapture
    fate: Fate


class LeftDialog(Dialog[Decision]):
    """Gives a decision, or None."""

    def __init__(self, captures: Sequence[tuple[LeftCapture, str]]) -> None:
        """`captures` come with what is known of each, the newest first."""
        super().__init__()
        self._captures = captures

    def compose(self) -> ComposeResult:
        """Each capture with its choices, and a line that says what keys do."""
        with Vertical(classes="dialog") as box:
            box.border_title = "Captured by a run that was killed" if len(self._captures) == 1 else "Killed runs"
            yield OptionList(*self._options(), id="ways", markup=False, compact=True)
            words = f"What stays here is offered again at the next start, and deleted after {DAYS_KEPT} days."
            yield Static(Content(f"{words}\n{_NOTE}"), id="dialog-note")

    def _options(self) -> Iterator[Option]:
        for number, (_, facts) in enumerate(self._captures):
            yield Option(Content(clean(facts)), disabled=True)
            yield from (Option(f"  {fate.value}", f"{number} {fate.name}") for fate in Fate)
        yield Option("Later")

    @on(OptionList.OptionSelected)
    def _decide(self, event: OptionList.OptionSelected) -> None:
        if event.option_id is None:
            self.dismiss(None)
            return
        number, _, name = event.option_id.partition(" ")
        self.dismiss(Decision(self._captures[int(number)][0], Fate[name]))
