"""What was sent, in this session and before: as entries to be searched, and as texts for ↑ and ↓ of each method.

Owns which entries are known here: those of this session with their secrets, so that they can be sent again, those from
the file as it has them. The file is another's; without one the history lasts as long as the app.
"""

from __future__ import annotations

from collections.abc import Callable

from inspector.client.history_file import Entry, HistoryFile
from inspector.ui.draft import one_line


class RequestHistory:
    """The entries, the latest last."""

    def __init__(self, file: HistoryFile | None) -> None:
        self._file = file
        self._entries: list[Entry] | None = None
        self.on_clear: list[Callable[[], None]] = []
        """Called when nothing is known any more."""

    @property
    def entries(self) -> list[Entry]:
        """All of them; the file is read when they are first asked for."""
        if self._entries is None:
            self._entries = self._file.read() if self._file else []
        return self._entries

    def add(self, entry: Entry) -> None:
        """Keep what was sent."""
        self.entries.append(entry)
        if self._file is not None:
            self._file.add(entry)

    def clear(self) -> None:
        """Forget everything, and delete the file; raises SourceError where that cannot be deleted."""
        self._entries = []
        for cleared in self.on_clear:
            cleared()
        if self._file is not None:
            self._file.clear()

    def texts(self, path: str) -> list[str]:
        """The messages that a method was sent, each once, as a box of one line shows them."""
        texts = [one_line(text) for entry in self.entries if entry.method == path for text in entry.messages if text]
        return list(reversed(dict.fromkeys(reversed(texts))))

    def latest_method(self, target: str) -> str | None:
        """The method that was called last at a service."""
        return next((entry.method for entry in reversed(self.entries) if entry.target == target), None)
