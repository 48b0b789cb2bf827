"""Filters that were used, in this session and before: a line each in the user's state folder, for that user alone.

Owns the one file. A disk that takes nothing loses the history, never the filter. A filter that was made of a secret, a
cookie say, is there for this session only.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

import platformdirs

from inspector.ui.history import History

_MOST: Final = 200
"""Filters that are kept; the file holds up to twice as many before it is cut."""
_LONGEST: Final = 2_000


class FilterHistory:
    """The filters, the latest last."""

    def __init__(self, path: Path | None = None) -> None:
        """By default the user's own."""
        self._path = path or platformdirs.user_state_path("grpc-inspector") / "filters"
        self._texts: History | None = None
        self._secrets: set[str] = set()

    def withhold(self, secret: str) -> None:
        """Keep texts that hold this one out of the file."""
        if secret:
            self._secrets.add(secret)

    def back(self, current: str) -> str:
        """The filter before the one shown."""
        return self._history.back(current)

    def forward(self, current: str) -> str:
        """The one after it."""
        return self._history.forward(current)

    def add(self, text: str) -> None:
        """Keep a filter that was used."""
        text = text.strip()
        if not text or not text.isprintable() or len(text) > _LONGEST:
            return
        self._history.add(text)
        if any(secret in text for secret in self._secrets):
            return
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lines = self._lines()
            if text in lines[-1:]:
                return
            if len(lines) < 2 * _MOST:
                self._write(f"{text}\n", os.O_APPEND)
            else:
                self._write("".join(f"{line}\n" for line in (*lines[-_MOST:], text)), os.O_TRUNC)

    @property
    def _history(self) -> History:
        """The file is read when it is first needed."""
        if self._texts is None:
            lines = self._lines()[-_MOST:]
            self._texts = History(reversed(dict.fromkeys(reversed(lines))))
        return self._texts

    def _lines(self) -> list[str]:
        try:
            return [line for line in self._path.read_text("utf-8", "replace").splitlines() if line.isprintable()]
        except OSError:
            return []

    def _write(self, text: str, how: int) -> None:
        file = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW | how, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as filters:
            filters.write(text)
