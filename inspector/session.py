"""Wires source, spool, tshark, protocol and store together, and tells how that is going.

Owns the life of one capture: starting, stopping, saving, and what happens when a child process dies.
Refuses to draw or print. Both front ends make one, read its `store`, and are told of each change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from inspector.errors import InspectorError
from inspector.store.change import Change
from inspector.store.store import Store


class Phase(StrEnum):
    """What the capture is doing."""

    STARTING = "starting"
    LIVE = "live"
    READING = "reading"
    STOPPED = "stopped"
    ENDED = "ended"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """What the status line says; replaced on every change."""

    phase: Phase = Phase.STARTING
    source: str = ""
    engine: str | None = None
    interface: str | None = None
    reason: str = ""
    dropped: int = 0
    captured_bytes: int = 0
    decoded_bytes: int = 0
    tshark: str | None = None
    notice: str = ""
    error: InspectorError | None = None


class Session:
    """One capture, from its source to the store."""

    store: Store
    status: SessionStatus
    on_change: Callable[[Change], None]
    on_status: Callable[[SessionStatus], None]

    async def run(self) -> None: ...
    async def wait_live(self) -> None: ...
    async def stop_capture(self) -> None: ...
    async def start_capture(self) -> None: ...
    async def save(self, path: Path, *, overwrite: bool = False) -> None: ...
    async def close(self) -> None: ...
