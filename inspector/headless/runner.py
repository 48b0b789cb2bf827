"""Runs the session of a command until its source ends, a limit is reached, or Ctrl+C."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from inspector.capture.engines.registry import is_relay
from inspector.capture.spool import Spool
from inspector.errors import SourceError
from inspector.headless.output import ReaderGone, say
from inspector.present.late_joins import LateJoins
from inspector.schema.catalog import Catalog
from inspector.session import FileSource, LiveSource, Phase, Session, SessionStatus
from inspector.store.store import Change, Store


class _TapNotices:
    """Says where a tap listens, for the user who starts the clients, and why a client was not served: each once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._sent: set[str] = set()

    def new(self, status: SessionStatus) -> Iterator[str]:
        """Yield the notices of a status that were not yielded before; none if the engine is not a tap."""
        if not is_relay(status.engine) or status.phase is not Phase.LIVE:
            return
        for sentence in (*self._listening(status), status.warning):
            if sentence and sentence not in self._sent:
                self._sent.add(sentence)
                yield sentence

    def _listening(self, status: SessionStatus) -> Iterator[str]:
        source = self._session.source
        yield f"Listening on {status.target}. Connect clients there; calls go on to {source}."
        if isinstance(source, LiveSource) and source.ports:
            ports = ", ".join(map(str, sorted(source.ports)))
            yield f"The tap relays to {source} alone: --port {ports} has no effect."


def say_what_is_uncertain(store: Store, catalog: Catalog) -> None:
    """Say which methods and statuses are uncertain because the capture began after the connections."""
    joins = LateJoins(store, catalog)
    joins.update(store.everything())
    if sentence := joins.sentence():
        say(sentence)


INTERRUPTED: Final = 130
_REPORTED_BACKLOG: Final = 5
"""Seconds by which decoding must be behind before that is reported, once."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a run ends by itself, and where its capture is saved."""

    count: int | None = None
    """The number of lines to print; None for all."""
    seconds: float | None = None
    """The time from when the capture is live; None for no limit."""
    write: Path | None = None
    """The file for the capture; None not to save it."""


class CommandRunner:
    """Runs one session for one command."""

    def __init__(self, session: Session, limits: Limits, *, has_clients: bool = True) -> None:
        """`has_clients` is True if other programs make the calls: the user must know where a tap listens for them.

        Raises:
            SourceError: the capture could not be saved where the limits say.
        """
        _refuse_unwritable(limits.write)
        self.session = session
        self._limits = limits
        self._tap = _TapNotices(session) if has_clients else None
        self._is_enough = asyncio.Event()
        self._is_interrupted = False
        self._is_cut = False
        """True if a file was not read to its end because a limit was reached."""
        self._interruption = asyncio.Event()
        self._last_notice = ""
        self._is_backlog_reported = False
        session.on_status = self._on_status

    def enough(self) -> None:
        """End the source; what it has captured so far is still decoded and printed."""
        self._is_enough.set()

    async def interrupted(self) -> None:
        """Wait for SIGINT or SIGTERM."""
        await self._interruption.wait()

    async def until_done(
        self, on_change: Callable[[Change], None], beside: Coroutine[Any, Any, None] | None = None
    ) -> int:
        """Run to the end, concurrently with `beside`; return 0, or 130 after an interruption.

        Raises:
            InspectorError: the session or `beside` failed.
            ReaderGone: raised by `on_change`.
        """
        self.session.on_change = on_change
        running = asyncio.create_task(self.session.run())
        others = [asyncio.create_task(work) for work in (self._end_when_enough(running), beside) if work]
        self._listen_for_signals(running)
        try:
            await self._end_of(running)
            await asyncio.gather(*others[1:])
            await self._write()
            if self.session.status.error is not None:
                raise self.session.status.error
        except ReaderGone:
            await self._write()
            raise
        except asyncio.CancelledError:
            if not self._is_interrupted:
                raise
        finally:
            await _cancel(running, *others)
            await self.session.close()
        return INTERRUPTED if self._is_interrupted else 0

    def _listen_for_signals(self, running: asyncio.Task[None]) -> None:
        def interrupt() -> None:
            # The first signal ends a live source, so that what it captured is still printed. A file is abandoned.
            if self._is_interrupted or isinstance(self.session.source, FileSource):
                running.cancel()
            self._is_interrupted = True
            self._interruption.set()
            self.enough()

        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, interrupt)

    async def _end_when_enough(self, running: asyncio.Task[None]) -> None:
        await self.session.wait_live()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._is_enough.wait(), self._limits.seconds)
        if self._is_enough.is_set() and isinstance(self.session.source, FileSource):
            self._is_cut = not self._is_interrupted
            running.cancel()
        await self.session.finish()

    async def _end_of(self, running: asyncio.Task[None]) -> None:
        try:
            await running
        except asyncio.CancelledError:
            if not self._is_cut:
                raise

    async def _write(self) -> None:
        """Save the capture if the limits say so; keep the spool if it cannot be saved."""
        if self._limits.write is None:
            return
        try:
            await self.session.save(self._limits.write)
        except SourceError as error:
            _, recording = await self.session.packets.ground()
            if not isinstance(recording, Spool):
                raise
            recording.keep()
            raise SourceError(error.message, f"What was captured is kept in {recording.path}.") from error

    def _on_status(self, status: SessionStatus) -> None:
        if status.notice != self._last_notice:
            self._last_notice = status.notice
            say(status.notice)
        backlog = status.backlog
        if (
            backlog is not None
            and not self._is_backlog_reported
            and (backlog.is_stalled or backlog.seconds >= _REPORTED_BACKLOG)
        ):
            self._is_backlog_reported = True
            say(backlog.sentence)
        for sentence in self._tap.new(status) if self._tap else ():
            say(sentence)
        if status.phase is Phase.STOPPED and status.error is not None:
            self.enough()


def _refuse_unwritable(path: Path | None) -> None:
    """Check a path before anything is captured. Other reasons are found when it is saved. Raises SourceError."""
    if path is None:
        return
    if os.path.lexists(path):
        raise SourceError(f"{path} exists already.", "Choose another name for --write.")
    if not os.path.isdir(path.parent):  # noqa: PTH112 - Path.is_dir fails where nothing may be looked at
        raise SourceError(f"There is no folder {path.parent}.", "Create it, or choose another name for --write.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise SourceError(f"Nothing can be saved in {path.parent}.", "Choose another folder for --write.")


async def _cancel(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
