"""sharkd, Wireshark's engine as a JSON-RPC server: the process, its requests and its answers."""

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

_CHUNK: Final = 1 << 18
_LARGEST_ANSWER: Final = 1 << 26
"""Bytes: a packet of a thousand frames takes three million."""
LONGEST_FILTER: Final = 4_000
"""Characters: sharkd takes no line of more than about 8,000 bytes, and loses its place in one that is longer."""
_START: Final = 10.0
"""Seconds until it must have answered for the first time."""


class SharkdDied(Exception):  # noqa: N818  # what happened: the one who asked may ask another
    """It is gone, or of no use any more."""


class SharkdRefused(Exception):  # noqa: N818  # an answer like others
    """It answered that it cannot; its own words."""


class _SharkdError(msgspec.Struct):
    message: str = ""


class _Reply(msgspec.Struct):
    id: int = -1
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: _SharkdError | None = None


class Sharkd:
    """One sharkd. `start` makes it."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._turn = asyncio.Lock()
        self._asked = 0
        self._rest = bytearray()
        self._hearing = asyncio.create_task(_drain(process))

    @classmethod
    async def start(cls, path: str, decoding: Decoding) -> Sharkd:
        """Start one that decodes like that; raises SharkdDied where it does not work."""
        with _settings(decoding) as folder:
            try:
                variables = {**environment(), "WIRESHARK_CONFIG_DIR": str(folder)}
                process = await spawn(path, "-", stdin=PIPE, stdout=PIPE, env=variables, yields=True)
            except OSError as error:
                raise SharkdDied(reason(error)) from error
            sharkd = cls(process)
            try:
                await sharkd.ask("status", patience=_START)  # by now it has read its settings
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
        """Its process."""
        return self._process.pid

    async def ask(self, method: str, patience: float, **params: Any) -> bytes:
        """The answer to a question, as JSON.

        Raises:
            SharkdRefused: it says that it cannot.
            SharkdDied: it ended, or was ended as it took longer than `patience` seconds.
        """
        return await self._ask([(method, params)], patience)

    async def load(self, path: Path, patience: float) -> bytes:
        """Read a capture to its end, as far as it goes; the answer to `status` then. Raises as `ask`.

        Of a capture that is cut short it reads what there is, and answers nothing: so it is asked something else.
        """
        return await self._ask([("load", {"file": str(path)}), ("status", {})], patience)

    def kill(self) -> None:
        """End it at once; whoever waits for an answer hears that it died."""
        if self.is_alive:
            self._process.kill()

    async def close(self) -> None:
        """End it."""
        await end(self._process)
        await asyncio.wait({self._hearing})

    async def _ask(self, questions: list[tuple[str, dict[str, Any]]], patience: float) -> bytes:
        async with self._turn:
            try:
                async with asyncio.timeout(patience):
                    first = self._asked + 1
                    for method, params in questions:
                        await self._send(method, params)
                    return await self._hear(first, self._asked)
            except TimeoutError as error:
                await self.close()
                raise SharkdDied(f"It did not answer within {patience:.0f} seconds.") from error
            except (OSError, msgspec.DecodeError) as error:
                await self.close()
                raise SharkdDied(str(error)) from error

    async def _send(self, method: str, params: dict[str, Any]) -> None:
        self._asked += 1
        question = {"jsonrpc": "2.0", "id": self._asked, "method": method, **({"params": params} if params else {})}
        if (stdin := self._process.stdin) is not None:
            stdin.write(msgspec.json.encode(question) + b"\n")
            await stdin.drain()

    async def _hear(self, first: int, last: int) -> bytes:
        """The reply to the last question; those to questions that nobody waits for any more are passed over."""
        while True:
            reply = msgspec.json.decode(await self._line(), type=_Reply)
            if reply.id < first:
                continue
            if reply.error is not None:
                raise SharkdRefused(reply.error.message)
            if reply.id >= last:
                return bytes(reply.result)

    async def _line(self) -> bytes:
        """The next line that is not empty, without its end."""
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
        data = await stdout.read(_CHUNK) if stdout is not None else b""
        self._rest += data
        if not data or len(self._rest) > _LARGEST_ANSWER:
            await self.close()
            raise SharkdDied("Its answer is too large." if data else "It ended.")


def find_sharkd(tshark: Tshark) -> str | None:
    """The sharkd on PATH or beside tshark; None where there is none."""
    return shutil.which("sharkd") or shutil.which("sharkd", path=str(Path(tshark.path).parent))


@contextlib.contextmanager
def _settings(decoding: Decoding) -> Iterator[Path]:
    """A folder with sharkd's settings, for as long as it takes to read them: it knows no options for them."""
    with tempfile.TemporaryDirectory(prefix="grpc-inspector-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        shown = {**preferences(decoding), "nameres.mac_name": "FALSE", "nameres.network_name": "FALSE"}
        lines = [f"{key}: {value}\n" for key, value in shown.items()]
        _write(folder / "preferences", lines)
        _write(folder / "decode_as_entries", list(_decode_as(decoding)))
        _write(folder / "heuristic_protos", [f"{HEURISTIC},0\n"])
        yield folder


def _decode_as(decoding: Decoding) -> Iterator[str]:
    for port, protocol in decoding.protocols().items():
        # Versions differ in which of a dissector's names they take; a name that is not known is passed over.
        yield f"decode_as_entry: tcp.port,{port},(none),{protocol}\n"
        yield f"decode_as_entry: tcp.port,{port},(none),{protocol.upper()}\n"


def _write(path: Path, lines: list[str]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(lines)


async def _drain(process: Process) -> None:
    """What it says beside its answers is of no use, but must not fill its pipe."""
    while process.stderr is not None and await process.stderr.read(_CHUNK):
        continue


class SharkdKeeper:
    """One place for a sharkd."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._starting: asyncio.Task[Sharkd] | None = None
        self._decoding = Decoding()

    async def get(self, decoding: Decoding) -> Sharkd:
        """One that lives and decodes like that. Raises SharkdDied where it does not start."""
        if self._decoding != decoding:
            await self.close()
        if self._starting is None or self._is_over(self._starting):
            self._decoding = decoding
            self._starting = asyncio.create_task(Sharkd.start(self._path, decoding))
        return await asyncio.shield(self._starting)

    async def close(self) -> None:
        """End it."""
        starting, self._starting = self._starting, None
        if starting is not None:
            await asyncio.wait({starting})
            if starting.exception() is None:
                await starting.result().close()

    @staticmethod
    def _is_over(starting: asyncio.Task[Sharkd]) -> bool:
        return starting.done() and (starting.exception() is not None or not starting.result().is_alive)


_DEEPEST: Final = 200
"""Levels of a tree; Wireshark's own bound is less."""
_NO_FILTER: Final = frozenset({"", "text"})


class FieldName(NamedTuple):
    """A name that can stand in a display filter."""

    name: str
    title: str


class _Node(msgspec.Struct, gc=False):
    l: str = ""  # noqa: E741  # sharkd's keys
    f: str = ""
    h: tuple[int, int] | None = None
    ds: int = 0
    g: bool = False
    s: str = ""
    fnum: int | None = None
    n: list[_Node] = []


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


def read_frame(number: int, answer: bytes) -> Dissection:
    """The packet that `frame` tells of; raises msgspec.DecodeError for what is no such answer."""
    frame = msgspec.json.decode(answer, type=_Frame)
    sources = (
        ByteSource("Packet", _bytes(frame.bytes)),
        *(ByteSource(each.name, _bytes(each.bytes)) for each in frame.ds),
    )
    return Dissection(number, tuple(_field(node, sources, _DEEPEST) for node in frame.tree), sources)


def read_names(answer: bytes) -> tuple[FieldName, ...]:
    """The field names that `complete` tells."""
    return tuple(FieldName(each.f, each.n) for each in msgspec.json.decode(answer, type=_Complete).field)


def read_count(answer: bytes) -> int:
    """How many packets are loaded, as `status` tells."""
    return msgspec.json.decode(answer, type=_Status).frames


def _field(node: _Node, sources: tuple[ByteSource, ...], deepest: int) -> Field:
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
        children=tuple(_field(child, sources, deepest - 1) for child in node.n) if deepest else (),
    )


def _bytes(text: str) -> bytes:
    try:
        return binascii.a2b_base64(text)
    except binascii.Error:
        return b""
