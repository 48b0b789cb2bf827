"""The tap: a relay that needs no privilege and records what it copies as TCP/IP packets."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, Final

from inspector.capture.descriptors import NOTHING_LEFT, NoDescriptors, require_reserve
from inspector.capture.engines.tap_listener import Listener, Upstream, break_off, listen, send_at_once
from inspector.capture.engines.tap_packets import PCAP_HEADER, Ends, Flow, RecordedAddresses
from inspector.capture.source import Target
from inspector.errors import reason
from inspector.model.frame import Side
from inspector.processes import READ_SIZE

_MOST_PENDING: Final = 8 * 1024 * 1024
"""Bytes recorded and not yet taken, after which the relay waits, as a slow network would."""
_MOST_IN_FLIGHT: Final = 64 * 1024 * 1024
"""Bytes that all connections together hold between reading and writing."""
_MOST_CONNECTIONS: Final = 10_000
"""At once, wherever descriptors allow more: about 100 MB of tasks and buffers."""
_LEAST_READ: Final = 4096
_PAUSE: Final = 0.1
"""Seconds until accepting is tried again, when the rest of the program has taken every descriptor."""


class _Broken(Exception):  # noqa: N818 - a connection's end, not an error of ours
    """A side broke the connection off."""

    def __init__(self, side: Side) -> None:
        super().__init__(side)
        self.side = side


class Tap:
    """A running relay, as an engine; made by `open_tap`."""

    name = "tap"
    interface = None
    dropped = 0

    def __init__(self, listener: Listener, upstream: Upstream) -> None:
        self.target = listener.target
        """Where it listens."""
        self.reason = f"Only calls through {self.target} are seen, and the network's own timing is not."
        self.notice = ""
        """Why the last connection was not served; empty once another is."""
        self.is_stopped = False
        self._upstream = upstream
        self._listener = listener
        self._addresses = RecordedAddresses(upstream.service)
        self._recording = True
        self._pending = bytearray(PCAP_HEADER)
        self._grown = asyncio.Event()
        self._taken = asyncio.Event()
        self._connections = 0
        self._tasks: set[asyncio.Task[None]] = set()
        for each in listener.sockets:
            self._start(self._accept(each))

    @property
    def own_client_ports(self) -> frozenset[int]:
        """The client ports of this process's own connections, as recorded, where they came over a Unix socket."""
        return frozenset(self._addresses.own_ports)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give what was recorded, as it comes; ends when paused or stopped. Never fails."""
        while self._recording or self._pending:
            if not self._pending:
                self._grown.clear()
                await self._grown.wait()
                continue
            data = bytes(self._pending)
            self._pending.clear()
            self._taken.set()
            yield data

    async def pause(self) -> None:
        """Stop recording and go on relaying."""
        self._recording = False
        self._grown.set()
        self._taken.set()

    def resume(self) -> None:
        """Record again after a pause, from another file header on; open connections are seen from their middle."""
        self._recording = True
        self._pending[:] = PCAP_HEADER

    async def stop(self) -> None:
        """Stop recording and relaying; open connections are reset."""
        self._listener.remove_file()  # at once: the rest may be cut short
        await self.pause()
        self.is_stopped = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._listener.close()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listener: socket.socket) -> None:
        """Take every connection, and begin to relay those that there is room for."""
        loop = asyncio.get_running_loop()
        while True:
            await self._room()
            try:
                client, peer = await loop.sock_accept(listener)
            except ConnectionAbortedError:  # the client has left the queue
                continue
            except OSError as error:
                self.notice = f"The tap cannot take a connection: {reason(error)}."
                await asyncio.sleep(_PAUSE)
                continue
            with self._contain(client):
                self._admit(client, peer)
            await asyncio.sleep(0)  # `sock_accept` does not, while others wait in the queue

    @contextlib.contextmanager
    def _contain(self, client: socket.socket) -> Iterator[None]:
        """Let nothing that goes wrong with one connection reach the others: reset that one, and say why."""
        try:
            yield
        except Exception as failure:  # noqa: BLE001 - the tap's one boundary
            error: BaseException = failure
            while isinstance(error, BaseExceptionGroup):
                error = error.exceptions[0]
            self.notice = f"The tap broke off a connection: {type(error).__name__}: {error}."
            break_off(client)

    def _admit(self, client: socket.socket, peer: Any) -> None:
        """Relay a connection, or reset it where there is no room."""
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
        """Why a connection cannot be relayed; empty where it can."""
        if self._connections >= _MOST_CONNECTIONS:
            return f"it relays {_MOST_CONNECTIONS:,} already"
        try:
            require_reserve(client)
        except NoDescriptors as error:
            return reason(error)
        return ""

    def _refuse(self, client: socket.socket, flow: Flow, notice: str) -> None:
        self.notice = notice
        self._record(flow.reset(Side.SERVER, time.time_ns()))
        break_off(client)

    async def _relay(self, client: socket.socket, flow: Flow, ends: Ends) -> None:
        """Serve one connection, from its handshake to its end."""
        try:
            with self._contain(client):
                await self._serve(client, flow)
        finally:
            self._record(flow.reset(Side.SERVER, time.time_ns()))  # nothing, where it has ended already
            break_off(client)
            self._connections -= 1
            self._addresses.release(ends)

    async def _serve(self, client: socket.socket, flow: Flow) -> None:
        with contextlib.suppress(OSError):  # it may be gone by now, which copying will tell
            send_at_once(client)
        try:
            onward = await self._upstream.connect(client.family)
        except OSError as error:
            is_ours = error.errno in NOTHING_LEFT
            service = self._upstream.service
            failure = "The tap refused a connection:" if is_ours else f"The service {service} does not answer:"
            self._refuse(client, flow, f"{failure} {reason(error)}.")
            return
        self.notice = ""
        with contextlib.ExitStack() as sockets:
            sockets.callback(break_off, onward)
            await self._copy_both(flow, client, onward)
            client.close()  # both directions are at their end: a plain close, which leaves nothing to break off
            onward.close()

    async def _copy_both(self, flow: Flow, client: socket.socket, service: socket.socket) -> None:
        """Copy in both directions until both have ended; a side that breaks off ends both at once."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._copy(flow, Side.CLIENT, client, service))
                group.create_task(self._copy(flow, Side.SERVER, service, client))
        except* _Broken as broken:
            for failure in broken.exceptions:
                if isinstance(failure, _Broken):
                    self._record(flow.reset(failure.side, time.time_ns()))
                    break_off(client)
                    break_off(service)

    async def _copy(self, flow: Flow, side: Side, source: socket.socket, sink: socket.socket) -> None:
        """Copy what one side sends; raises _Broken with the side that broke the connection off."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                data = await loop.sock_recv(source, self._read_size)
            except OSError as error:
                raise _Broken(side) from error
            if not data:
                break
            self._record(flow.carry(side, data, time.time_ns()))
            await self._room()
            try:
                await loop.sock_sendall(sink, data)
            except OSError as error:
                raise _Broken(side.other) from error
        self._record(flow.finish(side, time.time_ns()))
        with contextlib.suppress(OSError):  # it may be gone by now, which its own direction will tell
            sink.shutdown(socket.SHUT_WR)

    @property
    def _read_size(self) -> int:
        """How much a connection may read at once, so that thousands whose peers are slow fill no memory."""
        return max(_LEAST_READ, min(READ_SIZE, _MOST_IN_FLIGHT // (2 * max(self._connections, 1))))

    def _record(self, packets: bytes) -> None:
        if self._recording and packets:
            self._pending += packets
            self._grown.set()

    async def _room(self) -> None:
        while self._recording and len(self._pending) > _MOST_PENDING:
            self._taken.clear()
            await self._taken.wait()


async def open_tap(target: Target, service: Target) -> Tap:
    """Listen on `target` (port 0: any free one) and relay to `service`.

    Raises EngineError for an address that cannot be had, ServiceError for a host that cannot be resolved.
    """
    upstream = await Upstream.of(service)
    return Tap(await listen(target), upstream)
