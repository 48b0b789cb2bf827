"""Wireshark's display filters: checked, completed, and the packets that one matches."""

from __future__ import annotations

import contextlib
from array import array
from bisect import bisect_left
from collections.abc import AsyncIterator, Iterable
from typing import Final

import msgspec

from inspector.errors import FilterError, TsharkError
from inspector.tshark.binary import Decoding, Tshark, TsharkDied, filter_complaint
from inspector.tshark.process import TsharkProcess
from inspector.tshark.sharkd import (
    MAX_FILTER,
    FieldName,
    SharkdDied,
    SharkdKeeper,
    SharkdRefused,
    find_sharkd,
    read_names,
)


class PacketMatches:
    """The numbers of the packets that a filter has matched so far."""

    def __init__(self) -> None:
        self.numbers: array[int] = array("I")
        """Ascending."""
        self._marks = bytearray(1)

    def __contains__(self, number: int, /) -> bool:
        return number < len(self._marks) and self._marks[number] == 1

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, lines: Iterable[bytes]) -> list[int]:
        """Add packet numbers, one per line, and return those that are new: a restarted tshark repeats them."""
        last = self.numbers[-1] if self.numbers else 0
        news = [number for line in lines if (text := line.strip()).isdigit() and (number := int(text)) > last]
        if news:
            self._marks.extend(bytes(max(news) + 1 - len(self._marks)))
            for number in news:
                self._marks[number] = 1
            self.numbers.extend(news)
        return news

    def row_from(self, number: int) -> int:
        """Return how many matches there are before a packet."""
        return bisect_left(self.numbers, number)

    def clear(self) -> None:
        """Remove all matches, as the capture is decoded in another way."""
        self.numbers, self._marks = array("I"), bytearray(1)


_REPLY_SECONDS: Final = 5.0
_ATTEMPTS: Final = 2
_MAX_NAMES: Final = 200
_NO_PACKETS: Final = bytes.fromhex("d4c3b2a1 02000400 00000000 00000000 00000400 01000000")
"""The file header of a pcap without packets (draft-ietf-opsawg-pcap)."""
_SHARKD_PREFIX: Final = "Filter invalid - "
"""The beginning of sharkd's complaints."""


class DisplayFilterService:
    """Checks filters and completes field names, with sharkd or, where that does not work, with tshark."""

    def __init__(self, tshark: Tshark) -> None:
        self._tshark = tshark
        path = find_sharkd(tshark)
        self._sharkd = None if path is None else SharkdKeeper(path)

    async def check(self, text: str) -> None:
        """Validate a display filter.

        Raises:
            FilterError: It is invalid, for the reason that Wireshark gives.
            TsharkError: Neither sharkd nor tshark works.
        """
        if len(text.encode(errors="replace")) > MAX_FILTER:
            raise FilterError(f"A display filter of more than {MAX_FILTER:,} bytes is too long.")
        text = text.encode(errors="replace").decode()
        try:
            if await self._request("check", filter=text) is not None:
                return
        except SharkdRefused as refusal:
            raise FilterError(_sentence(str(refusal).removeprefix(_SHARKD_PREFIX))) from refusal
        await self._check_with_tshark(text)

    async def complete(self, start: str) -> tuple[FieldName, ...]:
        """Return up to 200 fields and protocols whose names begin with `start`, protocols and short names first."""
        if not start:
            return ()
        try:
            reply = await self._request("complete", field=start)
            found = await self._names_from_tshark(start) if reply is None else read_names(reply)
        except (SharkdRefused, msgspec.DecodeError):
            return ()
        return tuple(sorted(found, key=_order))[:_MAX_NAMES]

    async def close(self) -> None:
        """End sharkd."""
        sharkd, self._sharkd = self._sharkd, None
        if sharkd is not None:
            await sharkd.close()

    async def _request(self, method: str, **params: str) -> bytes | None:
        """Return sharkd's reply; None where no sharkd works."""
        if self._sharkd is None:
            return None
        for _ in range(_ATTEMPTS):
            with contextlib.suppress(SharkdDied):
                return await (await self._sharkd.get(Decoding())).request(method, _REPLY_SECONDS, **params)
        await self.close()
        return None

    async def _check_with_tshark(self, text: str) -> None:
        arguments = self._tshark.query_arguments(Decoding(), "-Y", text)
        try:
            await TsharkProcess(self._tshark, arguments).read(_no_packets(), lambda _lines: None)
        except TsharkDied as death:
            if complaint := filter_complaint(death.stderr):
                raise FilterError(_sentence(complaint)) from death
            raise TsharkError(f"tshark cannot check the filter: {death.stderr}") from death

    async def _names_from_tshark(self, start: str) -> tuple[FieldName, ...]:
        found: list[FieldName] = []
        prefix = start.lower().encode()

        def take(lines: list[bytes]) -> None:
            for line in lines:
                kind, title, name, *_ = (*line.split(b"\t", 3), b"", b"", b"")
                if kind in (b"P", b"F") and name.startswith(prefix):
                    found.append(FieldName(name.decode(errors="replace"), title.decode(errors="replace")))

        try:
            await TsharkProcess(self._tshark, ["-G", "fields"]).read(_no_packets(), take)
        except TsharkDied:
            return ()
        return tuple(dict.fromkeys(found))


async def _no_packets() -> AsyncIterator[bytes]:
    yield _NO_PACKETS


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _order(name: FieldName) -> tuple[bool, int, str]:
    return "." in name.name, name.name.count("."), name.name
