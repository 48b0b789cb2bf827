"""Calls sent from the app: started, followed, and matched with captured calls."""

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
    """A call of any kind. Give it messages, `run` it once; half-close and cancel it as you like."""

    def __init__(self, method: Method, draft: Draft) -> None:
        """`draft` is what it began with."""
        self.method, self.draft = method, draft
        self.texts: list[str] = []
        """The messages as they were typed."""
        self.began = monotonic()
        self.outcome: Outcome | None = None
        self.key: StreamKey | None = None
        """Its stream, once that was found on the wire."""
        self.account: ClientTrace | None = None
        """What the client says of it, where the wire cannot tell."""
        self.on_passed: Callable[[], None] = lambda: None
        """Told of every message and of the end, where there is an account."""
        self.is_half_closed = False
        self._running: ActiveCall | None = None
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._starting: asyncio.Future[ActiveCall] | None = None
        self._is_given_up = False

    @property
    def takes_more(self) -> bool:
        """True while further messages can be sent."""
        return self.method.kind not in TAKES_ONE and not (self.is_half_closed or self._is_given_up or self.is_over)

    @property
    def is_over(self) -> bool:
        """True when nothing more can be sent."""
        return self.outcome is not None or (self._running is not None and self._running.is_over)

    @property
    def sent(self) -> int:
        """Messages that have left."""
        return self._running.sent if self._running else 0

    @property
    def received(self) -> int:
        """Replies that have come."""
        return self._running.received if self._running else 0

    def send(self, text: str, message: bytes) -> None:
        """Send a message, behind those that wait."""
        self.texts.append(text)
        self._waiting.put_nowait(message)

    def half_close(self) -> None:
        """No more messages will come."""
        self.is_half_closed = True
        self._waiting.put_nowait(None)

    def cancel(self) -> None:
        """End the call from this side, also while it is not connected yet."""
        self._is_given_up = True
        if self._running is not None:
            self._running.cancel()
        elif self._starting is not None:
            self._starting.cancel()

    async def run(self, start: Starter) -> Outcome:
        """Begin the call, send and read until it is over. Raises RequestError for what cannot be sent at all."""
        self._starting = asyncio.ensure_future(start(self))
        try:
            running = await self._starting
        except asyncio.CancelledError:
            if not self._is_given_up:
                raise
            return self._over(Outcome(CANCELLED, (), monotonic() - self.began, ""))
        self._running = running
        if self._is_given_up:
            running.cancel()
        feeding = asyncio.create_task(self._feed(running))
        try:
            async for reply in running.replies():
                self._passed(Side.SERVER, reply)
            outcome = await running.outcome()
        except asyncio.CancelledError:
            running.cancel()
            raise
        finally:
            feeding.cancel()  # the call may end before its messages do
            with contextlib.suppress(asyncio.CancelledError):
                await feeding
        return self._over(outcome)

    async def _feed(self, running: ActiveCall) -> None:
        while (message := await self._waiting.get()) is not None:
            passed = self._passed(Side.CLIENT, message)
            was_sent = await running.send(message)
            if not was_sent and passed is not None and self.account is not None:
                self.account.take_back(passed)
            if not was_sent or running.is_half_closed:
                return
        await running.half_close()

    def _passed(self, side: Side, message: bytes) -> TracedMessage | None:
        if self.account is None:
            return None
        passed = self.account.note(side, message)
        self.on_passed()
        return passed

    def _over(self, outcome: Outcome) -> Outcome:
        self.outcome = outcome
        if self.account is not None:
            self.account.outcome = outcome
            self.on_passed()
        return outcome


class SentCallMatcher:
    """The sent calls whose frames are still awaited, and those that were found."""

    def __init__(self) -> None:
        self._awaited: list[SentCall] = []
        self._found: set[StreamKey] = set()
        self._ports: set[int] = set()

    @property
    def awaiting(self) -> bool:
        """True while a sent call has not been seen on the wire."""
        return bool(self._awaited)

    def sent(self, call: SentCall) -> None:
        """A call is on its way."""
        self._awaited.append(call)

    def gave_up(self, call: SentCall) -> None:
        """A call failed; when none of its frames was seen by now, none is awaited any more."""
        if call in self._awaited:
            self._awaited.remove(call)

    def match(self, store: Store, touched: Iterable[StreamKey], ports: frozenset[int]) -> StreamKey | None:
        """The latest of the touched calls that is found to be ours, each told its stream; None when none is new.

        `ports` are our local ports as of now, as they are recorded. Those of earlier connections are remembered:
        frames may come to be decoded after their connection is gone.
        """
        self._ports |= ports
        latest = None
        for key in sorted(touched, key=lambda each: store.calls[each].started):
            if self.awaiting and key not in self._found and self._claims(store, store.calls[key]):
                self._found.add(key)
                latest = key
        return latest

    def _claims(self, store: Store, call: Call) -> bool:
        if store.connections[call.key.connection].client.port not in self._ports:
            return False
        sent = next((each for each in self._awaited if each.method.path == call.method), None)
        if sent is None:
            return False
        self._awaited.remove(sent)
        sent.key = call.key
        return True


class ActiveCalls:
    """Calls that were sent and are not over, the earliest first."""

    def __init__(self) -> None:
        self._calls: list[SentCall] = []
        self._picked: SentCall | None = None

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[SentCall]:
        return iter(self._calls)

    def add(self, call: SentCall) -> None:
        """A call that is going to be run: keys are about it from now on."""
        self._calls.append(call)
        self._picked = None

    def remove(self, call: SentCall) -> None:
        """A call is over."""
        self._calls.remove(call)
        if self._picked is call:
            self._picked = None

    def pick(self, call: SentCall) -> None:
        """Let keys be about this call, until another one begins."""
        self._picked = call if call in self._calls else None

    def open_call(self, path: str) -> SentCall | None:
        """The call of a method that further messages go to."""
        return next((call for call in self._likeliest() if call.method.path == path and call.takes_more), None)

    def current(self, path: str | None) -> SentCall | None:
        """The call that keys are about: one of this method, else any."""
        found = list(self._likeliest())
        return next((call for call in found if call.method.path == path), found[0] if found else None)

    def place(self, call: SentCall) -> int:
        """Which of its method's calls a call is, counted from 1."""
        return [each for each in self._calls if each.method.path == call.method.path].index(call) + 1

    def of_method(self, path: str) -> int:
        """How many calls of a method run."""
        return sum(call.method.path == path for call in self._calls)

    def _likeliest(self) -> Iterator[SentCall]:
        if self._picked is not None:
            yield self._picked
        yield from reversed(self._calls)


class CallSender:
    """The way to the service."""

    def __init__(self, session: Session, target: str, connection: ConnectionOptions) -> None:
        self.target = target
        self.calls = ActiveCalls()
        self._session, self._connection = session, connection
        self._own = SentCallMatcher()
        self._callers: dict[ConnectionOptions, Sender] = {}
        self._latest: Sender | None = None

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

    async def run(self, call: SentCall) -> tuple[Outcome, HistoryEntry]:
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

    async def _start(self, call: SentCall) -> ActiveCall:
        await self._session.wait_live()
        settings, kind = call.draft.settings, call.method.kind
        caller = self._latest = await self._ready_caller(settings.connection.over(self._connection))
        self._own.sent(call)
        is_seen = False
        try:
            running = await caller.start(call.method.path, kind, settings)
            is_seen = running.had_connection and not self.is_unseen
        finally:
            if not is_seen:
                self._own.gave_up(call)
        return running

    async def _ready_caller(self, connection: ConnectionOptions) -> Sender:
        """The caller of the address at which calls are seen; with the tap that is the tap's own."""
        seen_at = self._session.status.target
        target = self.target if seen_at is None else str(seen_at)
        caller = self._callers.get(connection)
        if caller is None or caller.target != target:
            from inspector.client.sender import Sender  # noqa: PLC0415 - needed by the first call, not by the start

            if caller is not None:
                await caller.close()
            caller = self._callers[connection] = Sender(target, connection, self._behind)
        return caller

    def _behind(self) -> Behind:
        return Behind(self.target, self._session.status.warning)
