"""Asks which capture file to open: by its path, or from the tree of folders."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.suggester import Suggester
from textual.widgets import DirectoryTree, Input, Static

from inspector.paths import expand, status_of
from inspector.ui.screens.dialog import Dialog

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
