"""Dialogs about files: save, export, open, and captures left by killed runs."""

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
from inspector.ui.dialogs.base import Dialog, move_selection
from inspector.ui.dialogs.export import ExportOption, Included, SecretSwitch, secrets_label


class Destination:
    """Checks a path to write to when Enter is pressed. To overwrite a file, Enter must be pressed twice."""

    def __init__(self) -> None:
        self._to_confirm: Path | None = None

    def reset(self) -> None:
        """Require confirmation again: the path or the contents are different now."""
        self._to_confirm = None

    def problem(self, path: Path, *, is_folder: bool = False) -> str | None:
        """Return why a file, or a folder of files, cannot be written to a path; None if it can."""
        try:
            return self._check(path, is_folder=is_folder)
        except OSError as error:
            return f"Cannot write to {path}: {error.strerror}."

    def _check(self, path: Path, *, is_folder: bool) -> str | None:
        if not path.name:
            return "Enter the name of a file."
        parent, status = status_of(path.parent), status_of(path)
        if parent is None or not stat.S_ISDIR(parent.st_mode):
            return f"There is no folder {path.parent}."
        is_file = status is not None and not stat.S_ISDIR(status.st_mode)
        if is_folder:
            return f"{path} is a file; enter the name of a folder." if is_file else None
        if status is not None and not is_file:
            return f"{path} is a folder; enter the name of a file in it."
        if is_file and self._to_confirm != path:
            self._to_confirm = path
            return f"{path.name} exists. Enter again overwrites it · Esc cancels"
        return None


def typed_path(text: str) -> Path:
    """Return what was typed as a path, with `~` expanded."""
    return expand(text.strip())


def default_name(source: str, suffix: str) -> str:
    """Return a file name made from a source and the current time, so that it rarely exists."""
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", source.removesuffix(".gz").removesuffix(".pcapng").removesuffix(".pcap"))
    return f"{name.strip('-') or 'capture'}-{datetime.now().astimezone():%Y%m%d-%H%M%S}{suffix}"


_HELP: Final = "Enter saves · Esc cancels"
_HELP_WITH_BOX: Final = "Enter saves · Tab, Space: checkbox · Esc cancels"


class SaveLocation(NamedTuple):
    """The result of a `SaveDialog`."""

    path: Path
    shows_secrets: bool


class SaveDialog(Dialog[SaveLocation]):
    """Asks where to save one thing."""

    def __init__(self, source: str, suffix: str, title: str, secrets: str = "") -> None:
        """`source` is for the proposed name. `secrets` is the label of the checkbox that shows them; empty for none."""
        super().__init__()
        self._source, self._suffix, self._title, self._secrets = source, suffix, title, secrets
        self._destination = Destination()

    def compose(self) -> ComposeResult:
        """Yield the path, the checkbox if there is one, and the help."""
        with Vertical(classes="dialog") as box:
            box.border_title = Content(clean(self._title))
            yield Input(default_name(self._source, self._suffix), id="path")
            if self._secrets:
                yield Checkbox(self._secrets, id="secrets", compact=True)
            yield Static(id="dialog-note", markup=False)

    def on_mount(self) -> None:
        """Show the help."""
        self._reset()

    @on(Input.Changed)
    def _reset(self) -> None:
        self._destination.reset()
        self.show_note(_HELP_WITH_BOX if self._secrets else _HELP)

    @on(Input.Submitted)
    def _decide(self, event: Input.Submitted) -> None:
        path = typed_path(event.value)
        if (problem := self._destination.problem(path)) is None:
            shows_secrets = any(box.value for box in self.query(Checkbox))
            self.dismiss(SaveLocation(path, shows_secrets))
        else:
            self.show_note(problem, is_warning=True)


_EXPORT_HELP: Final = "Enter saves · ↑ ↓ choose · Tab, Space: checkbox · Esc cancels"
_TITLE_WIDTH: Final = 34


class ExportChoice(NamedTuple):
    """The result of an `ExportDialog`."""

    option: ExportOption
    path: Path
    included: Included


class ExportDialog(Dialog[ExportChoice]):
    """Asks what to save or export, and where."""

    def __init__(self, options: Sequence[ExportOption], source: str, secrets: SecretSwitch) -> None:
        """`source` is for the proposed name."""
        super().__init__()
        self._export_options, self._source, self._secrets = options, source, secrets
        self._proposed = ""
        """The proposed name; it follows the option until the user types another one."""
        self._destination = Destination()
        self._clicked = -1
        """The option that was clicked last; a second click on it saves."""

    def compose(self) -> ComposeResult:
        """Yield the options, the path, the checkboxes, and the help."""
        with Vertical(classes="dialog -choice -export") as box:
            box.border_title = "Save or export"
            yield OptionList(*map(_option, self._export_options), id="ways", markup=False, compact=True)
            yield Input(id="path")
            yield Checkbox("Include its TLS keys", id="keys", compact=True)
            yield Checkbox(secrets_label(self._secrets.secrets), self._secrets.is_on, id="secrets", compact=True)
            yield Static(id="dialog-note", markup=False)

    def on_mount(self) -> None:
        """Select the whole capture, which is saved most often."""
        self._list.highlighted = 0
        self.query_one(Input).focus()
        self.show_note(_EXPORT_HELP)

    @property
    def _list(self) -> OptionList:
        return self.query_one("#ways", OptionList)

    def _box(self, name: str) -> Checkbox:
        return self.query_one(f"#{name}", Checkbox)

    @property
    def _option(self) -> ExportOption:
        return self._export_options[self._list.highlighted or 0]

    @on(OptionList.OptionHighlighted)
    def _propose(self) -> None:
        """Propose a name, unless the user has typed one."""
        field, option = self.query_one(Input), self._option
        if field.value == self._proposed:
            field.value = self._proposed = default_name(self._source, option.ending)
            field.cursor_position = len(field.value)
        self._box("keys").display, self._box("secrets").display = option.has_keys, option.has_secrets
        self._reset()

    @on(Input.Changed)
    def _reset(self) -> None:
        self._destination.reset()
        self.show_note(_EXPORT_HELP)

    @on(OptionList.OptionSelected)
    def _take(self, event: OptionList.OptionSelected) -> None:
        if event.option_index == self._clicked:
            self._decide()
        else:
            self._clicked = event.option_index
            self.show_note("Click again to save · Esc cancels")

    @on(Input.Submitted)
    def _decide(self) -> None:
        path = typed_path(self.query_one(Input).value)
        if (problem := self._destination.problem(path, is_folder=self._option.is_folder)) is None:
            included = Included(self._box("keys").value, self._box("secrets").value)
            self.dismiss(ExportChoice(self._option, path, included))
        else:
            self.show_note(problem, is_warning=True)

    def on_key(self, event: events.Key) -> None:
        """Move the selection in the list although the path has the focus."""
        move_selection(self._list, event)


def _option(option: ExportOption) -> Option:
    return Option(Content.assemble(option.title.ljust(_TITLE_WIDTH), "  ", (clean(option.facts), "$tone-dim")))


_CAPTURES: Final = (".pcap", ".pcapng", ".cap", ".pcap.gz", ".pcapng.gz", ".cap.gz")


class _CaptureTree(DirectoryTree):
    """Folders, and files whose names look like captures."""

    ICON_NODE = "▸ "
    ICON_NODE_EXPANDED = "▾ "
    ICON_FILE = "  "

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        """Leave out hidden files and files that are not captures by their names."""
        return (path for path in paths if _is_offered(path))


class _PathSuggester(Suggester):
    """Completes a path with the first capture or folder that starts with it."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """Return the completed path; None if nothing starts with it."""
        return _completed(value) if value else None


class OpenDialog(Dialog[Path]):
    """Asks which file to open."""

    def compose(self) -> ComposeResult:
        """Yield the path, a tree of folders, and the help."""
        with Vertical(classes="dialog -tall") as box:
            box.border_title = "Open a capture"
            yield Input(
                id="path", placeholder="Path of a pcap or pcapng file; may be gzipped", suggester=_PathSuggester()
            )
            yield _CaptureTree(Path.cwd())
            yield Static(Content("Enter opens · → completes · Tab: tree · Esc cancels"), id="dialog-note")

    @on(Input.Submitted)
    def _decide(self, event: Input.Submitted) -> None:
        path = expand(event.value)
        try:
            status = status_of(path)
        except OSError as error:
            self.show_note(f"Cannot open {path}: {error.strerror}.", is_warning=True)
            return
        if status is not None and not stat.S_ISDIR(status.st_mode):
            self.dismiss(path)
        elif event.value:
            self.show_note(f"{path} is a folder." if status else f"There is no file {path}.", is_warning=True)

    @on(DirectoryTree.FileSelected)
    def _take(self, event: DirectoryTree.FileSelected) -> None:
        self.dismiss(event.path)


def _is_offered(path: Path) -> bool:
    if path.name.startswith("."):
        return False
    try:
        return path.name.lower().endswith(_CAPTURES) or path.is_dir()
    except OSError:  # a folder without permission to look into
        return False


def _completed(typed: str) -> str | None:
    path = expand(typed)
    folder, start = (path, "") if typed.endswith("/") else (path.parent, path.name)
    try:
        found = sorted(each.name for each in folder.iterdir() if each.name.startswith(start) and _is_offered(each))
    except OSError:
        return None
    return typed[: len(typed) - len(start)] + found[0] if found else None


_LEFT_HELP: Final = "Enter, or a click · Esc: later"


class Fate(StrEnum):
    """What to do with a capture that a killed run left."""

    OPEN = "Open it"
    SAVE = "Save it as …"
    DELETE = "Delete it"


class Decision(NamedTuple):
    """The result of a `LeftDialog`."""

    capture: LeftCapture
    fate: Fate


class LeftDialog(Dialog[Decision]):
    """Asks what to do with captures that killed runs left."""

    def __init__(self, captures: Sequence[tuple[LeftCapture, str]]) -> None:
        """`captures` are the newest first, each with a description."""
        super().__init__()
        self._captures = captures

    def compose(self) -> ComposeResult:
        """Yield each capture with its choices, and the help."""
        with Vertical(classes="dialog") as box:
            box.border_title = "Captured by a run that was killed" if len(self._captures) == 1 else "Killed runs"
            yield OptionList(*self._options(), id="ways", markup=False, compact=True)
            explanation = f"The others are offered again at the next start, and deleted after {DAYS_KEPT} days."
            yield Static(Content(f"{explanation}\n{_LEFT_HELP}"), id="dialog-note")

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
