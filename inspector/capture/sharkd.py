"""sharkd: Wireshark's engine as a child that is asked by JSON-RPC, a line for a line.

Owns the process: its start in a folder of settings of its own, its end, and that answers belong to questions. What is
asked, and what answers say, is for `session.dissector`. sharkd answers one question after the other; where it does not
answer in time, or with more than anybody could want, it is ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from inspector.capture.tshark import HEURISTIC, Decoding, Tshark, environment, preferences
from inspector.children import end, spawn
from inspector.errors import reason

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


class _Error(msgspec.Struct):
    message: str = ""


class _Reply(msgspec.Struct):
    id: int = -1
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: _Error | None = None


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
