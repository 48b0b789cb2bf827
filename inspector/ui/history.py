"""The histories of requests and filters, which include earlier sessions, and the position of ↑ and ↓ in one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import platformdirs

from inspector.client.history import HistoryEntry, HistoryFile
from inspector.model.secrets import Secrets
from inspector.ui.draft import one_line


class InputHistory:
    """The texts that ↑ and ↓ in an input go through. After the latest one comes the text that is being typed."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        """`texts` are the earlier ones, the latest last."""
        self._texts = list(texts)
        self._index = len(self._texts)
        self._draft = ""

    def add(self, text: str) -> None:
        """Add a text as the latest one, and go to the end."""
        if text in self._texts:
            self._texts.remove(text)
        if text:
            self._texts.append(text)
        self._index, self._draft = len(self._texts), ""

    def back(self, current: str) -> str:
        """Return the text before the one shown. At the end, keep `current` as the one that is being typed."""
        if self._index == len(self._texts):
            self._draft = current
        self._index = max(self._index - 1, 0)
        return self._shown()

    def forward(self, current: str) -> str:
        """Return the text after the one shown, at the end the one that was being typed."""
        if self._index >= len(self._texts):
            return current
        self._index += 1
        return self._shown()

    def _shown(self) -> str:
        return self._texts[self._index] if self._index < len(self._texts) else self._draft


_MAX_FILTERS: Final = 200
"""The file holds up to twice as many before it is cut."""
_MAX_LENGTH: Final = 2_000


class FilterHistory:
    """The filters that were used, the latest last, in a file. Filters with secrets are not written to it."""

    def __init__(self, secrets: Secrets = Secrets(), path: Path | None = None) -> None:  # noqa: B008 - frozen
        """`path` defaults to a file in the user's state folder."""
        self._names = secrets
        self._path = path or platformdirs.user_state_path("grpc-inspector") / "filters"
        self._texts: InputHistory | None = None
        self._secrets: set[str] = set()

    def withhold(self, secret: str) -> None:
        """Write no filter that contains this text."""
        if secret:
            self._secrets.add(secret)

    def back(self, current: str) -> str:
        """Return the filter before the one shown."""
        return self._history.back(current)

    def forward(self, current: str) -> str:
        """Return the filter after the one shown."""
        return self._history.forward(current)

    def add(self, text: str) -> None:
        """Add a filter that was used."""
        text = text.strip()
        if not text or not text.isprintable() or len(text) > _MAX_LENGTH:
            return
        self._history.add(text)
        if self._names.may_be_in(text) or any(secret in text for secret in self._secrets):
            return
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lines = self._lines()
            if text in lines[-1:]:
                return
            if len(lines) < 2 * _MAX_FILTERS:
                self._write(f"{text}\n", os.O_APPEND)
            else:
                self._write("".join(f"{line}\n" for line in (*lines[-_MAX_FILTERS:], text)), os.O_TRUNC)

    @property
    def _history(self) -> InputHistory:
        """The history, read from the file on first use."""
        if self._texts is None:
            lines = self._lines()
            kept = [line for line in lines if not self._names.may_be_in(line)]
            if len(kept) < len(lines):
                with contextlib.suppress(OSError):
                    self._write("".join(f"{line}\n" for line in kept), os.O_TRUNC)
            self._texts = InputHistory(reversed(dict.fromkeys(reversed(kept[-_MAX_FILTERS:]))))
        return self._texts

    def _lines(self) -> list[str]:
        try:
            return [line for line in self._path.read_text("utf-8", "replace").splitlines() if line.isprintable()]
        except OSError:
            return []

    def _write(self, text: str, how: int) -> None:
        file = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW | how, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as filters:
            os.fchmod(file, 0o600)
            filters.write(text)


class RequestHistory:
    """The requests that were sent, the latest last."""

    def __init__(self, file: HistoryFile | None) -> None:
        self._file = file
        self._entries: list[HistoryEntry] | None = None
        self.on_clear: list[Callable[[], None]] = []
        """Called after the history is cleared."""

    @property
    def entries(self) -> list[HistoryEntry]:
        """All entries, read from the file on first use."""
        if self._entries is None:
            self._entries = self._file.read() if self._file else []
        return self._entries

    def add(self, entry: HistoryEntry) -> None:
        """Add the entry of a call."""
        self.entries.append(entry)
        if self._file is not None:
            self._file.add(entry)

    def clear(self) -> None:
        """Remove all entries, and delete the file.

        Raises:
            SourceError: the file cannot be deleted.
        """
        self._entries = []
        for cleared in self.on_clear:
            cleared()
        if self._file is not None:
            self._file.clear()

    def texts(self, path: str) -> list[str]:
        """Return the messages that were sent to a method, each once and on one line."""
        texts = [one_line(text) for entry in self.entries if entry.method == path for text in entry.messages if text]
        return list(reversed(dict.fromkeys(reversed(texts))))

    def latest_method(self, target: str) -> str | None:
        """Return the method that was called last at an address."""
        return next((entry.method for entry in reversed(self.entries) if entry.target == target), None)
