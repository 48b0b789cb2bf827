"""The state of a session as everybody sees it: written by its parts, told to whoever draws it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from inspector.session.status import SessionStatus


class Board:
    """Holds the latest status."""

    def __init__(self, source: str, on_status: Callable[[SessionStatus], None]) -> None:
        self.status = SessionStatus(source)
        self.on_status = on_status
        """Told of every status."""

    def tell(self, **news: Any) -> None:
        """Change fields of the status; nothing is told where nothing changed."""
        status = replace(self.status, **news)
        if status != self.status:
            self.status = status
            self.on_status(status)

    def notify(self, notice: str) -> None:
        """Tell the latest thing that a person should know."""
        self.tell(notice=notice)
