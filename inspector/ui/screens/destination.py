"""Where a file shall be written, as it is typed in a dialog: a name to begin with, and what speaks against a path."""

from __future__ import annotations

import re
import stat
from datetime import datetime
from pathlib import Path

from inspector.paths import expand, status_of


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
