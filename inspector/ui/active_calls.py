"""Calls that are sent from the app: started, fed with messages, and matched with captured calls."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from time import monotonic
from typing import TYPE_CHECKING

from inspector.client.active_call import CANCELLED, TAKES_ONE, ActiveCall, Outcome
from inspector.client.history import HistoryEntry
from inspector.client.options import Behind, ConnectionOptions
from inspector.model.call import Call, StreamKey
from inspector.model.frame import Side
from inspector.present.client_trace import ClientTrace, TracedMessage
from inspector.schema.catalog import Method
from inspector.session import LiveSource, Phase, Session
from inspector.store.store import Store
from inspector.ui.draft import Draft, entry_of

if TYPE_CHECKING:
    from inspector.client.sender import ConnectionState, Sender

Starter = Callable[["SentCall"], Awaitable[ActiveCall]]


class SentCall:
    """A call of any kind. Messages can be queued with `send` before and while `run` sends them."""

    def __init__(self, method: Method, draft: Draft) -> None:
        """`draft` is the request that started the call."""
        self.method, self.draft = method, draft
        self.texts: list[str] = []
        """The messages as the user typed them."""
        self.started = monotonic()
        self.outcome: Outcome | None = None
        self.key: StreamKey | None = None
        """Its stream, when it is found in the capture."""
        self.trace: ClientTrace | None = None
        """The client's own record; only for calls whose frames cannot be read."""
        self.on_trace_changed: Callable[[], None] = lambda: None
        """Called after each change of `trace`."""
        self.is_half_closed = False
        self._running: ActiveCall | None = None
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        """Messages that are not sent yet; None is the half-close."""
        self._starting: asyncio.Future[ActiveCall] | None = None
        self._is_cancelled = False

    @property
    def takes_more(self) -> bool:
        """True while another message can be sent."""
        return self.method.kind not in TAKES_ONE and not (self.is_half_closed or self._is_cancelled or self.is_over)

    @property
    def is_over(self) -> bool:
        """True when the call has ended."""
        return self.outcome is not None or (self._running is not None and self._running.is_over)

    @property
    def sent(self) -> int:
        """How many messages were sent."""
        return self._running.sent if self._running else 0

    @property
    def received(self) -> int:
        """How many replies were received."""
        return self._running.received if self._running else 0

    def send(self, text: str, message: bytes) -> None:
        """Queue a message, both as typed and encoded."""
        self.texts.append(text)
        self._queue.put_nowait(message)

    def half_close(self) -> None:
        """Half-close the call after the queued messages."""
        self.is_half_closed = True
        self._queue.put_nowait(None)

    def cancel(self) -> None:
        """Cancel the call, also while it is not connected yet."""
        self._is_cancelled = True
        if self._running is not None:
            self._running.cancel()
        elif self._starting is not None:
            self._starting.cancel()

    async def run(self, start: Starter) -> Outcome:
        """Start the call with `start`, then send and receive until it ends.

        Raises:
            RequestError: the request cannot be sent at all.
        """
        self._starting = asyncio.ensure_future(start(self))
        try:
            running = await self._starting
        except asyncio.CancelledError:
            if not self._is_cancelled:
                raise
            return self._end(Outcome(CANCELLED, (), monotonic() - self.started, ""))
        self._running = running
        if self._is_cancelled:
            running.cancel()
        feeding = asyncio.create_task(self._send_queued(running))
        try:
            async for reply in running.replies():
                self._trace_message(Side.SERVER, reply)
            outcome = await running.outcome()
        except asyncio.CancelledError:
            running.cancel()
            raise
        finally:
            feeding.cancel()  # the call may end before its messages are sent
            with contextlib.suppress(asyncio.CancelledError):
                await feeding
        return self._end(outcome)

    async def _send_queued(self, running: ActiveCall) -> None:
        while (message := await self._queue.get()) is not None:
            traced = self._trace_message(Side.CLIENT, message)
            was_sent = await running.send(message)
            if not was_sent and traced is not None and self.trace is not None:
                self.trace.take_back(traced)
            if not was_sent or running.is_half_closed:
                return
        await running.half_close()

    def _trace_message(self, side: Side, message: bytes) -> TracedMessage | None:
        if self.trace is None:
            return None
        traced = self.trace.note(side, message)
        self.on_trace_changed()
        return traced

    def _end(self, outcome: Outcome) -> Outcome:
        self.outcome = outcome
        if self.trace is not None:
            self.trace.outcome = outcome
            self.on_trace_changed()
        return outcome


class SentCallMatcher:
    """Finds the streams of sent calls in the capture, by our local ports and the order of calls of a method."""

    def __init__(self) -> None:
        self._unmatched: list[SentCall] = []
        self._matched: set[StreamKey] = set()
        self._ports: set[int] = set()

    @property
    def is_waiting(self) -> bool:
        """True while a sent call is not found in the capture yet."""
        return bool(self._unmatched)

    def expect(self, call: SentCall) -> None:
        """Expect the frames of a call."""
        self._unmatched.append(call)

    def discard(self, call: SentCall) -> None:
        """Expect no frames of a call, unless some were captured already."""
        if call in self._unmatched:
            self._unmatched.remove(call)

    def match(self, store: Store, touched: Iterable[StreamKey], ports: frozenset[int]) -> StreamKey | None:
        """Set `key` of the sent calls that are among the touched ones, and return the latest; None if there is none.

        `ports` are our current local ports as they are in the capture. Earlier ones are kept, as frames may be decoded
        after their connection was closed.
        """
        self._ports |= ports
        latest = None
        for key in sorted(touched, key=lambda each: store.calls[each].started):
            if self.is_waiting and key not in self._matched and self._match_call(store, store.calls[key]):
                self._matched.add(key)
                latest = key
        return latest

    def _match_call(self, store: Store, call: Call) -> bool:
        if store.connections[call.key.connection].client.port not in self._ports:
            return False
        sent = next((each for each in self._unmatched if each.method.path == call.method), None)
        if sent is None:
            return False
        self._unmatched.remove(sent)
        sent.key = call.key
        return True


class ActiveCalls:
    """The calls that were sent and have not ended, the earliest first."""

    def __init__(self) -> None:
        self._calls: list[SentCall] = []
        self._picked: SentCall | None = None

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[SentCall]:
        return iter(self._calls)

    def add(self, call: SentCall) -> None:
        """Add a call that is about to run. Keys act on it unless another one is picked."""
        self._calls.append(call)
        self._picked = None

    def remove(self, call: SentCall) -> None:
        """Remove a call that has ended."""
        self._calls.remove(call)
        if self._picked is call:
            self._picked = None

    def pick(self, call: SentCall) -> None:
        """Have keys act on this call, until another one starts."""
        self._picked = call if call in self._calls else None

    def open_call(self, path: str) -> SentCall | None:
        """Return the call of a method that the next message is sent to."""
        return next((call for call in self._by_preference() if call.method.path == path and call.takes_more), None)

    def current(self, path: str | None) -> SentCall | None:
        """Return the call that keys act on: one of this method, else any."""
        found = list(self._by_preference())
        return next((call for call in found if call.method.path == path), found[0] if found else None)

    def place(self, call: SentCall) -> int:
        """Return the number of a call among the calls of its method, from 1."""
        return [each for each in self._calls if each.method.path == call.method.path].index(call) + 1

    def of_method(self, path: str) -> int:
        """Return how many calls of a method are active."""
        return sum(call.method.path == path for call in self._calls)

    def _by_preference(self) -> Iterator[SentCall]:
        if self._picked is not None:
            yield self._picked
        yield from reversed(self._calls)


class CallSender:
    """Sends calls to the service, over one channel for each set of connection options."""

    def __init__(self, session: Session, target: str, connection: ConnectionOptions) -> None:
        self.target = target
        self.calls = ActiveCalls()
        self._session, self._connection = session, connection
        self._matcher = SentCallMatcher()
        self._senders: dict[ConnectionOptions, Sender] = {}
        self._latest: Sender | None = None

    @property
    def state(self) -> ConnectionState | None:
        """The state of the latest connection; None before the first call."""
        return None if self._latest is None else self._latest.state

    @property
    def is_greet(self) -> bool:
        """True for the greet service of this program; False for a service that the user attached to."""
        return isinstance(self._session.source, LiveSource) and self._session.source.greet

    @property
    def is_encrypted(self) -> bool:
        """True if the frames of these calls cannot be read, as grpcio does not export the keys of its TLS."""
        return self._connection.security is not None

    @property
    def is_stopped(self) -> bool:
        """True while calls are sent but not captured."""
        return self._session.status.phase is Phase.STOPPED

    async def run(self, call: SentCall) -> tuple[Outcome, HistoryEntry]:
        """Send a call that is among `calls`. Return its outcome and its entry for the history.

        Raises:
            RequestError: metadata or TLS files cannot be used.
        """
        sent_at = time.time()
        status = ""
        try:
            outcome = await call.run(self._start)
            status = outcome.status.name
        finally:
            self.calls.remove(call)
        entry = entry_of(call.draft, tuple(call.texts), target=self.target, status=status, sent_at=sent_at)
        return outcome, entry

    def own_call(self, touched: Iterable[StreamKey]) -> StreamKey | None:
        """Return the latest of the touched calls that is now known to be sent from here; None if there is none."""
        if not self._matcher.is_waiting:
            return None
        ports = self._session.own_client_ports.union(*(sender.local_ports() for sender in self._senders.values()))
        return self._matcher.match(self._session.store, touched, ports)

    async def reconnect(self) -> None:
        """Close the connections, which cancels active calls. The next call opens a new one."""
        for sender in self._senders.values():
            await sender.reconnect()

    async def close(self) -> None:
        """Close the connections."""
        for sender in self._senders.values():
            await sender.close()
        self._senders.clear()

    async def _start(self, call: SentCall) -> ActiveCall:
        await self._session.wait_live()
        settings, kind = call.draft.settings, call.method.kind
        sender = self._latest = await self._sender_for(settings.connection.over(self._connection))
        self._matcher.expect(call)
        is_captured = False
        try:
            running = await sender.start(call.method.path, kind, settings)
            is_captured = running.had_connection and not self.is_encrypted
        finally:
            if not is_captured:
                self._matcher.discard(call)
        return running

    async def _sender_for(self, connection: ConnectionOptions) -> Sender:
        """Return the sender for the address at which calls are captured, which is the tap's own if there is a tap."""
        captured_at = self._session.status.target
        target = self.target if captured_at is None else str(captured_at)
        sender = self._senders.get(connection)
        if sender is None or sender.target != target:
            from inspector.client.sender import Sender  # noqa: PLC0415 - loads grpc, which would delay the first paint

            if sender is not None:
                await sender.close()
            sender = self._senders[connection] = Sender(target, connection, self._behind)
        return sender

    def _behind(self) -> Behind:
        return Behind(self.target, self._session.status.warning)
