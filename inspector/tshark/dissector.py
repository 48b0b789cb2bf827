"""Dissects single packets, all layers, with sharkd or with tshark's PDML."""

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
from inspector.tshark.lines import TsharkLines
from inspector.tshark.sharkd import Sharkd, SharkdDied, SharkdKeeper, SharkdRefused, find_sharkd, read_count, read_frame

_HIDDEN = "yes"
_NOT_SHOWN = frozenset({"geninfo"})


def read_pdml(number: int, text: bytes) -> Dissection | None:
    """The last packet of a PDML document, which may lack its end; None where it holds none."""
    start = text.rfind(b"<packet>")
    end = text.rfind(b"</packet>")
    if not 0 <= start < end:
        return None
    try:
        packet = ET.fromstring(text[start : end + len(b"</packet>")])  # noqa: S314 - tshark's, without a DTD
    except ET.ParseError:
        return None
    layers = [proto for proto in packet if proto.get("name") not in _NOT_SHOWN]
    data = _put_together(layers)
    return Dissection(number, tuple(_field(layer, data) for layer in layers), (ByteSource("Packet", bytes(data)),))


def _field(node: ET.Element, data: bytearray) -> Field:
    name, shown = node.get("name") or "", node.get("show") or ""
    start, length = _place(node)
    if (value := _value(node)) is not None and data[start : start + length] != value:
        start = length = 0
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


def _place(node: ET.Element) -> tuple[int, int]:
    start, length = node.get("pos") or "", node.get("size") or ""
    return (int(start), int(length)) if start.isdigit() and length.isdigit() else (0, 0)


def _put_together(layers: list[ET.Element]) -> bytearray:
    """The packet's bytes, of which those that no field has the value of are 0."""
    size = max((sum(_place(layer)) for layer in layers if layer.get("name") == "frame"), default=0)
    data, known = bytearray(size), bytearray(size)
    for start, value in _values(layers):
        for index, byte in enumerate(value, start):
            # What comes later at the same place is of another source: headers come first.
            if index < size and not known[index]:
                data[index], known[index] = byte, 1
    return data


def _values(layers: list[ET.Element]) -> Iterator[tuple[int, bytes]]:
    for layer in layers:
        for node in layer.iter("field"):
            if (value := _value(node)) is not None:
                yield _place(node)[0], value


def _value(node: ET.Element) -> bytes | None:
    """The bytes of a field, where all of them are told."""
    value = node.get("unmaskedvalue") or node.get("value") or ""
    length = _place(node)[1]
    return bytes.fromhex(value) if length and len(value) == 2 * length else None


_PATIENCE: Final = 20.0
"""Seconds for one packet; it takes a thousandth, or some seconds for a thousand frames."""
_LOADING: Final = 600.0
"""Seconds for a whole recording: some ten million packets."""
_LARGE: Final = 32 << 20
"""Bytes of a recording that sharkd reads for some seconds."""


class DiskRecording(Recording, Protocol):
    """A recording that another program can open."""

    @property
    def path(self) -> Path:
        """Where it is."""

    @property
    def is_at_path(self) -> bool:
        """True when all of it is there."""

    def check(self) -> None:
        """Raises SourceError where it is not what it was any more."""

    @property
    def first(self) -> tuple[int, int]:
        """How many of its packets were deleted, and the offset of the first that was not."""


class Dissector:
    """Takes packets of one recording apart."""

    def __init__(
        self,
        tshark: Tshark,
        recording: DiskRecording,
        decoding: Callable[[], Decoding],
        on_notice: Callable[[str], None],
        most: float = math.inf,
    ) -> None:
        """`most` is how many bytes of memory each program may hold."""
        self._most = most
        self._tshark = tshark
        self._recording = recording
        self._decoding = decoding
        self._on_notice = on_notice
        path = find_sharkd(tshark)
        self._sharkd = None if path is None else SharkdKeeper(path)
        self._loader: Sharkd | None = None
        """The sharkd that has read the recording."""
        self._loading: asyncio.Task[None] | None = None
        self._loaded = 0
        self._turn = asyncio.Lock()
        self._is_told = False

    @property
    def is_loading(self) -> bool:
        """True while sharkd reads the recording, which takes a second for twenty thousand packets."""
        return self._loading is not None and not self._loading.done()

    async def dissect(self, number: int) -> Dissection:
        """The packet of a number, taken apart.

        Raises:
            TsharkError: neither sharkd nor tshark can, or there is no such packet by now.
        """
        if not self._recording.is_at_path:
            self._tell("The capture is in several files, or not where it was, so that sharkd cannot open it.")
        elif self._sharkd is not None:
            try:
                if self._loaded < number and self._recording.size > _LARGE:
                    return await self._by_the_first(self._sharkd, number)
                return await self._by_sharkd(self._sharkd, number)
            except (SharkdDied, msgspec.DecodeError) as error:
                await self.close()
                self._sharkd = None
                self._tell(f"sharkd does not work here: {error}")
        else:
            self._tell("sharkd is not installed.")
        return await self._by_tshark(number)

    async def close(self) -> None:
        """End sharkd; the next packet starts another, which decodes as is wished by then."""
        if self._sharkd is not None:
            await self._sharkd.close()
        loading, self._loading = self._loading, None
        if loading is not None:
            await asyncio.gather(loading, return_exceptions=True)

    async def _by_the_first(self, keeper: SharkdKeeper, number: int) -> Dissection:
        """By whoever has it first: sharkd reads all of a large recording before it says anything, tshark up to it."""
        tshark, sharkd = (
            asyncio.create_task(work) for work in (self._by_tshark(number), self._by_sharkd(keeper, number))
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
            _hear_of(tshark)
            _hear_of(sharkd)

    async def _by_sharkd(self, keeper: SharkdKeeper, number: int) -> Dissection:
        for tries_left in (1, 0):
            try:
                sharkd = await self._with_packet(keeper, number)
                return read_frame(number, await sharkd.ask("frame", _PATIENCE, frame=number, proto=True, bytes=True))
            except SharkdDied:
                if not tries_left:
                    raise
            except SharkdRefused as refusal:
                if number <= self._loaded:
                    raise SharkdDied(str(refusal)) from refusal
                break
        raise _absent(number)

    async def _with_packet(self, keeper: SharkdKeeper, number: int) -> Sharkd:
        """A sharkd that lives and has read the recording at least up to a packet, if that is there."""
        async with self._turn:
            sharkd = await keeper.get(self._decoding())
            if sharkd is not self._loader:
                self._loader, self._loaded = sharkd, 0
            if self._loaded < number:
                if not self.is_loading:
                    self._loading = asyncio.create_task(self._load(sharkd))
                    self._loading.add_done_callback(_hear_of)
                assert self._loading is not None  # noqa: S101 - for the type alone
                await asyncio.shield(self._loading)  # whoever asks next wants it too
            return sharkd

    async def _load(self, sharkd: Sharkd) -> None:
        watching = asyncio.create_task(self._end_too_large(sharkd))
        try:
            self._loaded = read_count(await sharkd.load(self._recording.path, _LOADING))
        except SharkdRefused as refusal:
            raise SharkdDied(str(refusal)) from refusal
        except SharkdDied as death:
            if not watching.done():
                raise
            self._sharkd = None
            self._tell(words := too_large("sharkd", self._most).message)
            raise SharkdDied(words) from death
        finally:
            watching.cancel()
            await wait_until_done({watching})

    async def _end_too_large(self, sharkd: Sharkd) -> None:
        await has_outgrown(sharkd.pid, self._most)
        sharkd.kill()

    def _tell(self, why: str) -> None:
        if not self._is_told:
            self._is_told = True
            self._on_notice(f"{why} tshark takes packets apart instead, slower.")

    async def _by_tshark(self, number: int) -> Dissection:
        lines: list[bytes] = []
        what = ("-c", str(number), "-Y", f"frame.number == {number}", "-T", "pdml")
        run = TsharkLines(self._tshark, self._tshark.look_arguments(self._decoding(), *what), self._most)
        try:
            await run.read(so_far(self._recording), lines.extend)
        except TsharkDied as death:
            if death.signal is not None:
                raise TsharkError("tshark was ended while it took the packet apart.") from death
        except OSError as error:
            raise self._tshark.cannot_run(error) from error
        found = read_pdml(number, b"\n".join(lines))
        if found is None:
            raise _absent(number)
        return found


def _hear_of(work: asyncio.Task[Any]) -> None:
    """That it failed is told to those who wait; where somebody else was quicker, nobody does."""
    if not work.cancelled():
        work.exception()


def _absent(number: int) -> TsharkError:
    return TsharkError(f"Packet {number:,} is not in the capture file, or not yet.")
