"""Dissects single packets, all layers, with sharkd or from tshark's PDML."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Protocol
from xml.etree import ElementTree as ET

import msgspec

from inspector.capture.spool import Recording, so_far
from inspector.errors import TsharkError
from inspector.model.dissection import ByteSource, Dissection, Field
from inspector.processes import has_outgrown, too_large
from inspector.scheduling import wait_until_done
from inspector.tshark.binary import Decoding, Tshark, TsharkDied
from inspector.tshark.process import TsharkProcess
from inspector.tshark.sharkd import Sharkd, SharkdDied, SharkdKeeper, SharkdRefused, find_sharkd, read_count, read_frame

_HIDDEN = "yes"
_NOT_SHOWN = frozenset({"geninfo"})


def read_pdml(number: int, text: bytes) -> Dissection | None:
    """Return the last packet of a PDML document, whose end may be missing; None where there is no packet."""
    start = text.rfind(b"<packet>")
    end = text.rfind(b"</packet>")
    if not 0 <= start < end:
        return None
    try:
        packet = ET.fromstring(text[start : end + len(b"</packet>")])  # noqa: S314 - tshark's, without a DTD
    except ET.ParseError:
        return None
    layers = [proto for proto in packet if proto.get("name") not in _NOT_SHOWN]
    data = _packet_bytes(layers)
    return Dissection(number, tuple(_field(layer, data) for layer in layers), (ByteSource("Packet", bytes(data)),))


def _field(node: ET.Element, data: bytearray) -> Field:
    name, shown = node.get("name") or "", node.get("show") or ""
    start, length = _range(node)
    if (value := _value(node)) is not None and data[start : start + length] != value:
        start = length = 0  # bytes of another source, such as a reassembled body
    is_layer = node.tag == "proto"
    return Field(
        label=node.get("showname") or shown or name,
        filter=name if is_layer else _filter(name, shown),
        start=min(start, len(data)),
        length=max(0, min(length, len(data) - start)),
        children=tuple(_field(child, data) for child in node if child.get("hide") != _HIDDEN),
    )


def _filter(name: str, shown: str) -> str:
    if not name or not shown:
        return name
    is_number = shown.removeprefix("0x").isalnum() and shown[0].isdigit()
    quoted = shown.replace("\\", "\\\\").replace('"', '\\"')
    return f"{name} == {shown}" if is_number or ":" in shown or "." in shown else f'{name} == "{quoted}"'


def _range(node: ET.Element) -> tuple[int, int]:
    """Return the offset and length of a field."""
    start, length = node.get("pos") or "", node.get("size") or ""
    return (int(start), int(length)) if start.isdigit() and length.isdigit() else (0, 0)


def _packet_bytes(layers: list[ET.Element]) -> bytearray:
    """Assemble the packet's bytes from the values of its fields; bytes without a field are 0."""
    size = max((sum(_range(layer)) for layer in layers if layer.get("name") == "frame"), default=0)
    data, known = bytearray(size), bytearray(size)
    for start, value in _values(layers):
        for index, byte in enumerate(value, start):
            # Headers come first, so a later field at the same offset belongs to another source.
            if index < size and not known[index]:
                data[index], known[index] = byte, 1
    return data


def _values(layers: list[ET.Element]) -> Iterator[tuple[int, bytes]]:
    for layer in layers:
        for node in layer.iter("field"):
            if (value := _value(node)) is not None:
                yield _range(node)[0], value


def _value(node: ET.Element) -> bytes | None:
    """Return the bytes of a field; None where PDML does not print all of them."""
    value = node.get("unmaskedvalue") or node.get("value") or ""
    length = _range(node)[1]
    return bytes.fromhex(value) if length and len(value) == 2 * length else None


_REPLY_SECONDS: Final = 20.0
"""For one packet: usually a millisecond, but some seconds for a packet of a thousand frames."""
_LOAD_SECONDS: Final = 600.0
"""For a whole recording: some ten million packets."""
_LARGE: Final = 32 << 20
"""Bytes of a recording for which sharkd takes some seconds to load."""


class DiskRecording(Recording, Protocol):
    """A recording that another program can open."""

    @property
    def path(self) -> Path:
        """Its file."""

    @property
    def is_at_path(self) -> bool:
        """True when all of it is in that file."""

    def check(self) -> None:
        """Raise SourceError where the file is not what it was."""

    @property
    def first(self) -> tuple[int, int]:
        """How many of its packets were deleted, and the offset of the first that was not."""


class Dissector:
    """Dissects packets of one recording, with a sharkd that has loaded it or with a tshark for each."""

    def __init__(
        self,
        tshark: Tshark,
        recording: DiskRecording,
        decoding: Callable[[], Decoding],
        on_notice: Callable[[str], None],
        max_memory: float = math.inf,
    ) -> None:
        """Limit each program to `max_memory` bytes; `on_notice` receives the reason why sharkd is not used, once."""
        self._max_memory = max_memory
        self._tshark = tshark
        self._recording = recording
        self._decoding = decoding
        self._on_notice = on_notice
        path = find_sharkd(tshark)
        self._sharkd = None if path is None else SharkdKeeper(path)
        self._loader: Sharkd | None = None
        """The sharkd that has loaded the recording."""
        self._loading: asyncio.Task[None] | None = None
        self._loaded = 0
        """How many packets it has."""
        self._lock = asyncio.Lock()
        self._has_notified = False

    @property
    def is_loading(self) -> bool:
        """True while sharkd loads the recording, which takes a second for twenty thousand packets."""
        return self._loading is not None and not self._loading.done()

    async def dissect(self, number: int) -> Dissection:
        """Dissect the packet of a number.

        Raises:
            TsharkError: Neither sharkd nor tshark can, or the packet has not come yet.
        """
        if not self._recording.is_at_path:
            self._notify("The capture is in several files, or was moved, so that sharkd cannot open it.")
        elif self._sharkd is not None:
            try:
                if self._loaded < number and self._recording.size > _LARGE:
                    return await self._with_faster(self._sharkd, number)
                return await self._with_sharkd(self._sharkd, number)
            except (SharkdDied, msgspec.DecodeError) as error:
                await self.close()
                self._sharkd = None
                self._notify(f"sharkd does not work here: {error}")
        else:
            self._notify("sharkd is not installed.")
        return await self._with_tshark(number)

    async def close(self) -> None:
        """End sharkd; the next packet starts another, with the decoding of that moment."""
        if self._sharkd is not None:
            await self._sharkd.close()
        loading, self._loading = self._loading, None
        if loading is not None:
            await asyncio.gather(loading, return_exceptions=True)

    async def _with_faster(self, keeper: SharkdKeeper, number: int) -> Dissection:
        """Run both and return the first result: sharkd has to load all of a large recording, tshark reads up to it."""
        tshark, sharkd = (
            asyncio.create_task(work) for work in (self._with_tshark(number), self._with_sharkd(keeper, number))
        )
        try:
            await asyncio.wait({tshark, sharkd}, return_when=asyncio.FIRST_COMPLETED)
            first, other = (tshark, sharkd) if tshark.done() else (sharkd, tshark)
            try:
                return await first
            except (SharkdDied, TsharkError):
                return await other
        finally:
            tshark.cancel()
            sharkd.cancel()
            await wait_until_done({tshark, sharkd})
            _retrieve_exception(tshark)
            _retrieve_exception(sharkd)

    async def _with_sharkd(self, keeper: SharkdKeeper, number: int) -> Dissection:
        for attempts_left in (1, 0):
            try:
                sharkd = await self._load_up_to(keeper, number)
                reply = await sharkd.request("frame", _REPLY_SECONDS, frame=number, proto=True, bytes=True)
                return read_frame(number, reply)
            except SharkdDied:
                if not attempts_left:
                    raise
            except SharkdRefused as refusal:
                if number <= self._loaded:
                    raise SharkdDied(str(refusal)) from refusal
                break
        raise _absent(number)

    async def _load_up_to(self, keeper: SharkdKeeper, number: int) -> Sharkd:
        """Return a running sharkd that has loaded the recording, with the packet if the recording has it."""
        async with self._lock:
            sharkd = await keeper.get(self._decoding())
            if sharkd is not self._loader:
                self._loader, self._loaded = sharkd, 0
            if self._loaded < number:
                if not self.is_loading:
                    self._loading = asyncio.create_task(self._load(sharkd))
                    self._loading.add_done_callback(_retrieve_exception)
                assert self._loading is not None  # noqa: S101 - for the type alone
                await asyncio.shield(self._loading)  # the next caller needs it too
            return sharkd

    async def _load(self, sharkd: Sharkd) -> None:
        watching = asyncio.create_task(self._kill_when_too_large(sharkd))
        try:
            self._loaded = read_count(await sharkd.load(self._recording.path, _LOAD_SECONDS))
        except SharkdRefused as refusal:
            raise SharkdDied(str(refusal)) from refusal
        except SharkdDied as death:
            if not watching.done():
                raise
            self._sharkd = None
            self._notify(reason := too_large("sharkd", self._max_memory).message)
            raise SharkdDied(reason) from death
        finally:
            watching.cancel()
            await wait_until_done({watching})

    async def _kill_when_too_large(self, sharkd: Sharkd) -> None:
        await has_outgrown(sharkd.pid, self._max_memory)
        sharkd.kill()

    def _notify(self, reason: str) -> None:
        if not self._has_notified:
            self._has_notified = True
            self._on_notice(f"{reason} tshark dissects packets instead, which is slower.")

    async def _with_tshark(self, number: int) -> Dissection:
        lines: list[bytes] = []
        query = ("-c", str(number), "-Y", f"frame.number == {number}", "-T", "pdml")
        arguments = self._tshark.query_arguments(self._decoding(), *query)
        process = TsharkProcess(self._tshark, arguments, max_memory=self._max_memory)
        try:
            await process.read(so_far(self._recording), lines.extend)
        except TsharkDied as death:
            if death.signal is not None:
                raise TsharkError("tshark was ended while it dissected the packet.") from death
        found = read_pdml(number, b"\n".join(lines))
        if found is None:
            raise _absent(number)
        return found


def _retrieve_exception(task: asyncio.Task[Any]) -> None:
    """Mark a task's exception as retrieved: its waiters get it, but there may be none."""
    if not task.cancelled():
        task.exception()


def _absent(number: int) -> TsharkError:
    return TsharkError(f"Packet {number:,} is not in the capture file, or not yet.")
