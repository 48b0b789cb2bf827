"""Sends what the request box and the editor ask for, and finds the calls again among the captured ones.

Owns the callers, one for each way of connecting that was asked for, the calls that run, and which of them are still
awaited on the wire. Waits until the capture is live before a call leaves, so that its first frame is seen.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from inspector.client.address import Behind
from inspector.client.history_file import Entry
from inspector.client.options import ConnectionOptions
from inspector.client.outcome import Outcome
from inspector.client.running_call import RunningCall
from inspector.model.call import StreamKey
from inspector.session import LiveSource, Phase, Session
from inspector.ui.kept import entry_of
from inspector.ui.own_calls import OwnCalls
from inspector.ui.running_calls import RunningCalls
from inspector.ui.sent_call import SentCall

if TYPE_CHECKING:
    from inspector.client.caller import Caller, ConnectionState


class Sending:
    """The way to the service."""

    def __init__(self, session: Session, target: str, connection: ConnectionOptions) -> None:
        self.target = target
        self.calls = RunningCalls()
        self._session, self._connection = session, connection
        self._own = OwnCalls()
        self._callers: dict[ConnectionOptions, Caller] = {}
        self._latest: Caller | None = None

    @property
    def state(self) -> ConnectionState | None:
        """The state of the connection that was used last; None before there was any."""
        return None if self._latest is None else self._latest.state

    @property
    def is_greet(self) -> bool:
        """True for the greet service that was started or found, and not for somebody else's attached to."""
        return isinstance(self._session.source, LiveSource) and self._session.source.greet

    @property
    def is_unseen(self) -> bool:
        """True when the frames of these calls cannot be read on the wire: gRPC gives nobody the keys of its TLS."""
        return self._connection.security is not None

    @property
    def is_stopped(self) -> bool:
        """True while calls go out and nothing is captured of them."""
        return self._session.status.phase is Phase.STOPPED

    async def run(self, call: SentCall) -> tuple[Outcome, Entry]:
        """Send a call that is among `calls` and wait for its outcome; what the history shall keep of it comes with it.

        Raises:
            RequestError: metadata or TLS files that cannot be used.
        """
        sent_at = time.time()
        status = ""
        try:
            outcome = await call.run(self._start)
            status = outcome.status.name
        finally:
            self.calls.remove(call)
        kept = entry_of(call.draft, tuple(call.texts), target=self.target, status=status, sent_at=sent_at)
        return outcome, kept

    def own_call(self, touched: Iterable[StreamKey]) -> StreamKey | None:
        """The latest of these calls that turns out to be one that was sent from here."""
        if not self._own.awaiting:
            return None
        ports = self._session.own_client_ports.union(*(caller.local_ports() for caller in self._callers.values()))
        return self._own.match(self._session.store, touched, ports)

    async def reconnect(self) -> None:
        """Give up the connections and make the latest anew with the next call; running calls end as cancelled."""
        for caller in self._callers.values():
            await caller.reconnect()

    async def close(self) -> None:
        """End the connections."""
        for caller in self._callers.values():
            await caller.close()
        self._callers.clear()

    async def _start(self, call: SentCall) -> RunningCall:
        await self._session.wait_live()
        settings, kind = call.draft.settings, call.method.kind
        caller = self._latest = await self._ready_caller(settings.connection(self._connection))
        self._own.sent(call)
        is_seen = False
        try:
            running = await caller.start(call.method.path, kind, settings.call_options(kind))
            is_seen = running.had_connection and not self.is_unseen
        finally:
            if not is_seen:
                self._own.gave_up(call)
        return running

    async def _ready_caller(self, connection: ConnectionOptions) -> Caller:
        """The caller of the address at which calls are seen; with the tap that is the tap's own."""
        seen_at = self._session.status.target
        target = self.target if seen_at is None else str(seen_at)
        caller = self._callers.get(connection)
        if caller is None or caller.target != target:
            from inspector.client.caller import Caller  # noqa: PLC0415 - needed by the first call, not by the start

            if caller is not None:
                await caller.close()
            caller = self._callers[connection] = Caller(target, connection, self._behind)
        return caller

    def _behind(self) -> Behind:
        return Behind(self.target, self._session.status.amiss)
