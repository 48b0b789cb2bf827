"""Which columns each list shows, and in which order: JSON in the user's state folder, for that user alone.

Owns the one file. Columns go by their titles; a list that is not in it shows its usual columns, and so does every
list where the file cannot be read. A disk that takes nothing loses the choice at the end of the session.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
import platformdirs

from inspector.capture.saving import write_private
from inspector.errors import SourceError
from inspector.ui.widgets.painting import Column, usual_layout


class ColumnFile:
    """The choices."""

    def __init__(self, path: Path | None = None) -> None:
        """By default the user's own."""
        self._path = path or platformdirs.user_state_path("grpc-inspector") / "columns.json"

    def layout(self, list_: str, columns: Sequence[Column]) -> tuple[int, ...]:
        """The indexes of the columns that a list shows, in their order."""
        titles = [column.title for column in columns]
        known = [titles.index(title) for title in self._read().get(list_, ()) if title in titles]
        return tuple(dict.fromkeys(known)) or usual_layout(columns)

    def keep(self, list_: str, columns: Sequence[Column], layout: Sequence[int]) -> None:
        """Remember what a list shows."""
        choices = {**self._read(), list_: [columns[index].title for index in layout]}
        if tuple(layout) == usual_layout(columns):
            del choices[list_]
        with contextlib.suppress(OSError, SourceError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(self._path, msgspec.json.encode(choices))

    def _read(self) -> dict[str, list[str]]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, list[str]])
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return {}
