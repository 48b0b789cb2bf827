"""The tap: a relay that needs no privilege and records what it copies as TCP/IP packets."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, Final

from inspector.capture.engines.registry import TAP
from inspector.capture.engines.tap_listener import (
    EXHAUSTED,
    DescriptorReserveError,
    Listener,
    Upstream,
    disable_nagle,
    listen,
    require_reserve,
    reset,
)
from inspector.capture.engines.tap_packets import PCAP_HEADER, Ends, Flow, RecordedAddresses
from inspector.capture.source import Target
from inspector.errors import reason
from inspector.model.frame import Side
from inspector.processes import READ_SIZE

_MAX_PENDING: Final = 8 * 1024 * 1024
"""Bytes that are recorded and not read, beyond which the relay waits, as a slow network would."""
_MAX_IN_FLIGHT: Final = 64 * 1024 * 1024
"""Bytes that all connections together hold between reading and writing."""
_MAX_CONNECTIONS: Final = 10_000
"""At once, where descriptors allow more: about 100 MB of tasks and buffers."""
_MIN_READ: Final = 4096
_ACCEPT_PAUSE: Final = 0.1
"""Seconds until accepting is tried again, when the rest of the program has taken every descriptor."""


class _ConnectionReset(Exception):  # noqa: N818 - the end of a connection, not an error of ours
    """A side reset the connection."""

    def __init__(self, side: Side) -> None:
        super().__init__(side)
        self.side = side


class Tap:
    """A running relay, as an engine; made by `open_tap`."""

    name = TAP.name
    interface = None
    dropped = 0

    def __init__(self, listener: Listener, upstream: Upstream) -> None:
        self.target = listener.target
        """Where it listens."""
        self.reason = f"Only calls through {self.target} are seen, and the network's own timing is not."
        self.notice = ""
        """Why the latest connection was refused or reset; empty once another is relayed."""
        self._is_stopped = False
        self._upstream = upstream
        self._listener = listener
        self._addresses = RecordedAddresses(upstream.service)
        self._recording = True
        self._pending = bytearray(PCAP_HEADER)
        self._has_pending = asyncio.Event()
        self._was_read = asyncio.Event()
        self._connections = 0
        self._tasks: set[asyncio.Task[None]] = set()
        for listening in listener.sockets:
            self._start(self._accept(listening))

    @property
    def own_client_ports(self) -> frozenset[int]:
        """The client ports, as recorded, of this process's own connections over a Unix socket."""
        return frozenset(self._addresses.own_ports)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield what is recorded, as it comes, until paused or stopped; never fails."""
        while self._recording or self._pending:
            if not self._pending:
                self._has_pending.clear()
                await self._has_pending.wait()
                continue
            data = bytes(self._pending)
            self._pending.clear()
            self._was_read.set()
            yield data

    async def pause(self) -> None:
        """Stop recording and go on relaying."""
        self._recording = False
        self._has_pending.set()
        self._was_read.set()

    def resume(self) -> bool:
        """Record again after a pause, beginning with another file header; return False for a stopped tap.

        Open connections are recorded from their middle on.
        """
        if self._is_stopped:
            return False
        self._recording = True
        self._pending[:] = PCAP_HEADER
        return True

    async def stop(self) -> None:
        """Stop recording and relaying; open connections are reset."""
        self._listener.remove_file()  # first, as the program may be killed during the rest
        await self.pause()
        self._is_stopped = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._listener.close()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listener: socket.socket) -> None:
        """Accept every connection, and relay those that are within the limits."""
        loop = asyncio.get_running_loop()
        while True:
            await self._wait_for_reader()
            try:
                client, peer = await loop.sock_accept(listener)
            except ConnectionAbortedError:  # the client has left the queue
                continue
            except OSError as error:
                self.notice = f"The tap cannot accept a connection: {reason(error)}."
                await asyncio.sleep(_ACCEPT_PAUSE)
                continue
            with self._contain(client):
                self._admit(client, peer)
            await asyncio.sleep(0)  # `sock_accept` does not suspend while others wait in the queue

    @contextlib.contextmanager
    def _contain(self, client: socket.socket) -> Iterator[None]:
        """Keep an unexpected exception in one connection from ending the others: reset that one, and report why."""
        try:
            yield
        except Exception as failure:  # noqa: BLE001 - the tap's one boundary
            error: BaseException = failure
            while isinstance(error, BaseExceptionGroup):
                error = error.exceptions[0]
            self.notice = f"The tap reset a connection: {type(error).__name__}: {error}."
            reset(client)

    def _admit(self, client: socket.socket, peer: Any) -> None:
        """Relay a connection, or reset it beyond the limits."""
        ends = self._addresses.of(client, peer)
        flow = Flow(*ends, (secrets.randbits(32), secrets.randbits(32)))
        self._record(flow.open(time.time_ns()))
        if why := self._reason_to_refuse(client):
            self._refuse(client, flow, f"The tap refused a connection: {why}.")
            self._addresses.release(ends)
        else:
            self._connections += 1
            self._start(self._relay(client, flow, ends))

    def _reason_to_refuse(self, client: socket.socket) -> str:
        """Return why a connection cannot be relayed; empty where it can."""
        if self._connections >= _MAX_CONNECTIONS:
            return f"it relays {_MAX_CONNECTIONS:,} already"
        try:
            require_reserve(client)
        except DescriptorReserveError as error:
            return reason(error)
        return ""

    def _refuse(self, client: socket.socket, flow: Flow, notice: str) -> None:
        self.notice = notice
        self._record(flow.reset(Side.SERVER, time.time_ns()))
        reset(client)

    async def _relay(self, client: socket.socket, flow: Flow, ends: Ends) -> None:
        """Relay one connection, from its handshake to its end."""
        try:
            with self._contain(client):
                await self._connect_and_copy(client, flow)
        finally:
            self._record(flow.reset(Side.SERVER, time.time_ns()))  # empty, where it has ended already
            reset(client)
            self._connections -= 1
            self._addresses.release(ends)

    async def _connect_and_copy(self, client: socket.socket, flow: Flow) -> None:
        with contextlib.suppress(OSError):  # it may be closed, which copying will show
            disable_nagle(client)
        try:
            service = await self._upstream.connect(client.family)
        except OSError as error:
            is_ours = error.errno in EXHAUSTED
            address = self._upstream.service
            failure = "The tap refused a connection:" if is_ours else f"The service {address} does not answer:"
            self._refuse(client, flow, f"{failure} {reason(error)}.")
            return
        self.notice = ""
        with contextlib.ExitStack() as sockets:
            sockets.callback(reset, service)
            await self._copy_both(flow, client, service)
            client.close()  # both directions have ended: a plain close, after which `reset` has no effect
            service.close()

    async def _copy_both(self, flow: Flow, client: socket.socket, service: socket.socket) -> None:
        """Copy in both directions until both have ended; a reset by one side ends both at once."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._copy(flow, Side.CLIENT, client, service))
                group.create_task(self._copy(flow, Side.SERVER, service, client))
        except* _ConnectionReset as resets:
            for failure in resets.exceptions:
                if isinstance(failure, _ConnectionReset):
                    self._record(flow.reset(failure.side, time.time_ns()))
                    reset(client)
                    reset(service)

    async def _copy(self, flow: Flow, side: Side, source: socket.socket, sink: socket.socket) -> None:
        """Copy what one side sends; raise _ConnectionReset with the side that reset the connection."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                data = await loop.sock_recv(source, self._read_size)
            except OSError as error:
                raise _ConnectionReset(side) from error
            if not data:
                break
            self._record(flow.carry(side, data, time.time_ns()))
            await self._wait_for_reader()
            try:
                await loop.sock_sendall(sink, data)
            except OSError as error:
                raise _ConnectionReset(side.other) from error
        self._record(flow.finish(side, time.time_ns()))
        with contextlib.suppress(OSError):  # it may be closed, which the other direction will show
            sink.shutdown(socket.SHUT_WR)

    @property
    def _read_size(self) -> int:
        """Bytes that a connection may read at once, so that thousands with slow peers do not fill the memory."""
        return max(_MIN_READ, min(READ_SIZE, _MAX_IN_FLIGHT // (2 * max(self._connections, 1))))

    def _record(self, packets: bytes) -> None:
        if self._recording and packets:
            self._pending += packets
            self._has_pending.set()

    async def _wait_for_reader(self) -> None:
        while self._recording and len(self._pending) > _MAX_PENDING:
            self._was_read.clear()
            await self._was_read.wait()


async def open_tap(target: Target, service: Target) -> Tap:
    """Listen on `target` (port 0: any free one) and relay to `service`.

    Raises:
        EngineError: The address is not available.
        ServiceError: The host cannot be resolved.
    """
    upstream = await Upstream.of(service)
    return Tap(await listen(target), upstream)
