"""The tap: a relay on loopback that needs no privilege and writes what it copies as a capture.

Owns the listening sockets and the connections through them; the packets are `tap_packets`' business. Bytes are
recorded before they are passed on, so that the capture is never behind what a client has seen.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from inspector.capture.pipe import READ_SIZE
from inspector.capture.tap_packets import PCAP_HEADER, Flow
from inspector.capture.tap_sockets import Upstream, break_off, listen
from inspector.capture.target import Target
from inspector.errors import EngineError
from inspector.model.endpoint import Endpoint, Side

_MOST_PENDING = 8 * 1024 * 1024
"""Bytes recorded and not yet taken, after which the relay waits, as a slow network would."""


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

    def __init__(self, target: Target, listeners: list[socket.socket], upstream: Upstream) -> None:
        self.target = target
        """Where it listens."""
        self.reason = f"Only calls through {target} are seen, and the network's own timing is not."
        self.notice = ""
        self.is_stopped = False
        self._upstream = upstream
        self._listeners = listeners
        self._recording = True
        self._pending = bytearray(PCAP_HEADER)
        self._grown = asyncio.Event()
        self._taken = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        for listener in listeners:
            self._start(self._accept(listener))

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
        await self.pause()
        self.is_stopped = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for listener in self._listeners:
            listener.close()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, address = await loop.sock_accept(listener)
            except OSError as error:  # out of file descriptors, say: one may be free again soon
                self.notice = f"The tap cannot take a connection: {error.strerror}."
                await asyncio.sleep(0.1)
            else:
                self._start(self._relay(client, Endpoint(address[0].partition("%")[0], address[1])))

    async def _relay(self, client: socket.socket, address: Endpoint) -> None:
        """Serve one connection, from its handshake to its end."""
        with contextlib.ExitStack() as sockets:
            sockets.callback(break_off, client)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            local = client.getsockname()
            numbers = secrets.randbits(32), secrets.randbits(32)
            flow = Flow(address, Endpoint(local[0].partition("%")[0], local[1]), numbers)
            self._record(flow.open(time.time_ns()))
            try:
                service = await self._upstream.connect(client.family)
            except OSError as error:
                reason = os.strerror(error.errno) if error.errno else "no answer in time"
                self.notice = f"The service {self._upstream.service} does not answer: {reason}."
                self._record(flow.reset(Side.SERVER, time.time_ns()))
                return
            self.notice = ""
            sockets.callback(break_off, service)
            await self._copy_both(flow, client, service)
            client.close()  # both directions are at their end: a plain close, which leaves nothing to break off
            service.close()

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
                data = await loop.sock_recv(source, READ_SIZE)
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

    def _record(self, packets: bytes) -> None:
        if self._recording and packets:
            self._pending += packets
            self._grown.set()

    async def _room(self) -> None:
        while self._recording and len(self._pending) > _MOST_PENDING:
            self._taken.clear()
            await self._taken.wait()


async def open_tap(target: Target, service: Target) -> Tap:
    """Listen on `target` (port 0: any free one) and relay to `service`; raises EngineError for a port that is taken."""
    upstream = await Upstream.of(service)
    try:
        listeners = await listen(target)
    except OSError as error:
        raise EngineError(
            f"The tap cannot listen on {target}: {error.strerror}.",
            "Another program may have that port: end it, or choose another port.",
        ) from error
    port = listeners[0].getsockname()[1]
    return Tap(Target(target.host, port), listeners, upstream)
