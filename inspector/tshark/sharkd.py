"""sharkd, Wireshark's engine as a JSON-RPC server: the process, its requests and its replies.

It dissects a packet in a millisecond once it has loaded a file (1.4 s for 30,000 packets), which it reads to its end
once. It has no command line options for decoding: they are written to a temporary configuration folder.
"""

from __future__ import annotations

import asyncio
import binascii
import contextlib
import os
import shutil
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from inspector.errors import reason
from inspector.model.dissection import ByteSource, Dissection, Field
from inspector.processes import end, spawn
from inspector.tshark.binary import HEURISTIC, Decoding, Tshark, environment, preferences

_READ_SIZE: Final = 1 << 18
_MAX_REPLY: Final = 1 << 26
"""Bytes: a packet of a thousand frames takes three million."""
MAX_FILTER: Final = 4_000
"""Bytes: sharkd accepts lines of about 8,000 bytes, and loses synchronisation after a longer one."""
_START_SECONDS: Final = 10.0
"""For its first reply."""


class SharkdDied(Exception):  # noqa: N818  # an event, not yet an error: another can be started
    """It has ended, or was ended because it did not work."""


class SharkdRefused(Exception):  # noqa: N818  # a valid reply
    """It replied with an error, which is the message."""


class _SharkdError(msgspec.Struct):
    message: str = ""


class _Reply(msgspec.Struct):
    id: int = -1
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: _SharkdError | None = None


class Sharkd:
    """One running sharkd; made by `start`."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._lock = asyncio.Lock()
        self._last_id = 0
        self._rest = bytearray()
        self._draining = asyncio.create_task(_drain_stderr(process))

    @classmethod
    async def start(cls, path: str, decoding: Decoding) -> Sharkd:
        """Start a sharkd with this decoding; raise SharkdDied where it does not work."""
        with _configuration(decoding) as folder:
            try:
                variables = {**environment(), "WIRESHARK_CONFIG_DIR": str(folder)}
                process = await spawn(path, "-", stdin=PIPE, stdout=PIPE, env=variables, yields=True)
            except OSError as error:
                raise SharkdDied(reason(error)) from error
            sharkd = cls(process)
            try:
                await sharkd.request("status", _START_SECONDS)  # when it replies, it has read its configuration
            except BaseException:
                await sharkd.close()
                raise
        return sharkd

    @property
    def is_alive(self) -> bool:
        """False once it has ended."""
        return self._process.returncode is None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def request(self, method: str, seconds: float, **params: Any) -> bytes:
        """Return the result of a method, as JSON.

        Raises:
            SharkdRefused: It replied with an error.
            SharkdDied: It ended, or was ended because it took longer than `seconds`.
        """
        return await self._call([(method, params)], seconds)

    async def load(self, path: Path, seconds: float) -> bytes:
        """Load a capture up to its end and return the result of `status`; raises as `request` does.

        `load` has no reply where the capture is cut short, though its whole packets are loaded; `status` replies.
        """
        return await self._call([("load", {"file": str(path)}), ("status", {})], seconds)

    def kill(self) -> None:
        """End it at once; pending requests raise SharkdDied."""
        if self.is_alive:
            self._process.kill()

    async def close(self) -> None:
        """End it and wait for its end."""
        await end(self._process)
        await asyncio.wait({self._draining})

    async def _call(self, requests: list[tuple[str, dict[str, Any]]], seconds: float) -> bytes:
        async with self._lock:
            try:
                async with asyncio.timeout(seconds):
                    first = self._last_id + 1
                    for method, params in requests:
                        await self._send(method, params)
                    return await self._receive(first, self._last_id)
            except TimeoutError as error:
                await self.close()
                raise SharkdDied(f"It did not answer within {seconds:.0f} seconds.") from error
            except (OSError, msgspec.DecodeError) as error:
                await self.close()
                raise SharkdDied(str(error)) from error

    async def _send(self, method: str, params: dict[str, Any]) -> None:
        self._last_id += 1
        request = {"jsonrpc": "2.0", "id": self._last_id, "method": method, **({"params": params} if params else {})}
        if (stdin := self._process.stdin) is not None:
            stdin.write(msgspec.json.encode(request) + b"\n")
            await stdin.drain()

    async def _receive(self, first: int, last: int) -> bytes:
        """Return the result of the last request, skipping replies to earlier calls that were cancelled."""
        while True:
            reply = msgspec.json.decode(await self._read_line(), type=_Reply)
            if reply.id < first:
                continue
            if reply.error is not None:
                raise SharkdRefused(reply.error.message)
            if reply.id >= last:
                return bytes(reply.result)

    async def _read_line(self) -> bytes:
        """Return the next line that is not empty, without its end."""
        searched = 0
        while True:
            if (at := self._rest.find(b"\n", searched)) >= 0:
                line = bytes(self._rest[:at])
                del self._rest[: at + 1]
                searched = 0
                if line.strip():
                    return line
                continue
            searched = len(self._rest)
            await self._read()

    async def _read(self) -> None:
        stdout = self._process.stdout
        data = await stdout.read(_READ_SIZE) if stdout is not None else b""
        self._rest += data
        if not data or len(self._rest) > _MAX_REPLY:
            await self.close()
            raise SharkdDied("Its answer is too large." if data else "It ended.")


def find_sharkd(tshark: Tshark) -> str | None:
    """Return the path of the sharkd on PATH or beside tshark; None where there is none."""
    return shutil.which("sharkd") or shutil.which("sharkd", path=str(Path(tshark.path).parent))


@contextlib.contextmanager
def _configuration(decoding: Decoding) -> Iterator[Path]:
    """Write a configuration folder for sharkd, which is deleted when sharkd has read it."""
    with tempfile.TemporaryDirectory(prefix="grpc-inspector-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        values = {**preferences(decoding), "nameres.mac_name": "FALSE", "nameres.network_name": "FALSE"}
        lines = [f"{key}: {value}\n" for key, value in values.items()]
        _write(folder / "preferences", lines)
        _write(folder / "decode_as_entries", list(_decode_as(decoding)))
        _write(folder / "heuristic_protos", [f"{HEURISTIC},0\n"])
        yield folder


def _decode_as(decoding: Decoding) -> Iterator[str]:
    for port, protocol in decoding.protocols().items():
        # Version 4.0 expects the upper-case name, other versions may not. An unknown name is ignored.
        yield f"decode_as_entry: tcp.port,{port},(none),{protocol}\n"
        yield f"decode_as_entry: tcp.port,{port},(none),{protocol.upper()}\n"


def _write(path: Path, lines: list[str]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(lines)


async def _drain_stderr(process: Process) -> None:
    """Discard its messages, which would fill the pipe."""
    while process.stderr is not None and await process.stderr.read(_READ_SIZE):
        continue


class SharkdKeeper:
    """Keeps one sharkd running with the decoding that was last requested."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._starting: asyncio.Task[Sharkd] | None = None
        self._decoding = Decoding()

    async def get(self, decoding: Decoding) -> Sharkd:
        """Return a running sharkd with this decoding, starting it if needed; raise SharkdDied where that fails."""
        if self._decoding != decoding:
            await self.close()
        if self._starting is None or _has_ended(self._starting):
            self._decoding = decoding
            self._starting = asyncio.create_task(Sharkd.start(self._path, decoding))
        return await asyncio.shield(self._starting)

    async def close(self) -> None:
        """End the sharkd, if there is one."""
        starting, self._starting = self._starting, None
        if starting is not None:
            await asyncio.wait({starting})
            if starting.exception() is None:
                await starting.result().close()


def _has_ended(starting: asyncio.Task[Sharkd]) -> bool:
    return starting.done() and (starting.exception() is not None or not starting.result().is_alive)


_MAX_DEPTH: Final = 200
"""Levels of a tree; Wireshark's own limit is lower."""
_NO_FILTER: Final = frozenset({"", "text"})


class FieldName(NamedTuple):
    """A field or protocol that can be used in a display filter."""

    name: str
    title: str


class _Node(msgspec.Struct, gc=False):
    """A line of a tree, with sharkd's keys."""

    l: str = ""  # noqa: E741
    """Label."""
    f: str = ""
    """Filter."""
    h: tuple[int, int] | None = None
    """Offset and length of its bytes."""
    ds: int = 0
    """Index of the data source with these bytes."""
    g: bool = False
    """Generated by Wireshark."""
    s: str = ""
    """Severity."""
    fnum: int | None = None
    """A packet that it refers to."""
    n: list[_Node] = []
    """Children."""


class _Source(msgspec.Struct):
    name: str = ""
    bytes: str = ""


class _Frame(msgspec.Struct):
    tree: list[_Node] = []
    bytes: str = ""
    ds: list[_Source] = []


class _Completed(msgspec.Struct):
    f: str
    n: str = ""


class _Complete(msgspec.Struct):
    field: list[_Completed] = []


class _Status(msgspec.Struct):
    frames: int = 0


def read_frame(number: int, result: bytes) -> Dissection:
    """Read the result of `frame`; raise msgspec.DecodeError for anything else."""
    frame = msgspec.json.decode(result, type=_Frame)
    sources = (
        ByteSource("Packet", _bytes(frame.bytes)),
        *(ByteSource(source.name, _bytes(source.bytes)) for source in frame.ds),
    )
    return Dissection(number, tuple(_field(node, sources, _MAX_DEPTH) for node in frame.tree), sources)


def read_names(result: bytes) -> tuple[FieldName, ...]:
    """Read the names in the result of `complete`."""
    return tuple(FieldName(field.f, field.n) for field in msgspec.json.decode(result, type=_Complete).field)


def read_count(result: bytes) -> int:
    """Read the number of loaded packets from the result of `status`."""
    return msgspec.json.decode(result, type=_Status).frames


def _field(node: _Node, sources: tuple[ByteSource, ...], depth: int) -> Field:
    start, length = node.h or (0, 0)
    size = len(sources[node.ds].data) if 0 <= node.ds < len(sources) else 0
    start = max(0, min(start, size))
    return Field(
        label=node.l,
        filter="" if node.f in _NO_FILTER else node.f,
        start=start,
        length=max(0, min(length, size - start)),
        source=node.ds,
        is_generated=node.g,
        severity=node.s,
        packet=node.fnum,
        children=tuple(_field(child, sources, depth - 1) for child in node.n) if depth else (),
    )


def _bytes(text: str) -> bytes:
    try:
        return binascii.a2b_base64(text)
    except binascii.Error:
        return b""
