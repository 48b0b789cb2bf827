"""Checks Wireshark's display filters and finds the packets that match."""

from __future__ import annotations

import contextlib
from array import array
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Final

import msgspec

from inspector.errors import FilterError, TsharkError
from inspector.tshark.binary import Decoding, Tshark, TsharkDied, about_filter
from inspector.tshark.lines import TsharkLines
from inspector.tshark.sharkd import (
    LONGEST_FILTER,
    FieldName,
    SharkdDied,
    SharkdKeeper,
    SharkdRefused,
    find_sharkd,
    read_names,
)


class PacketMatches:
    """The matches of one filter so far."""

    def __init__(self) -> None:
        self.numbers: array[int] = array("I")
        """Ascending."""
        self._marks = bytearray(1)

    def __contains__(self, number: int, /) -> bool:
        return number < len(self._marks) and self._marks[number] == 1

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, lines: Iterable[bytes]) -> list[int]:
        """Take in lines that hold a number each; gives those that are news."""
        last = self.numbers[-1] if self.numbers else 0
        news = [number for line in lines if (text := line.strip()).isdigit() and (number := int(text)) > last]
        if news:
            self._marks.extend(bytes(max(news) + 1 - len(self._marks)))
            for number in news:
                self._marks[number] = 1
            self.numbers.extend(news)
        return news

    def row_from(self, number: int) -> int:
        """How many matches there are before a packet."""
        return bisect_left(self.numbers, number)

    def clear(self) -> None:
        """Forget all: they are about to come anew."""
        self.numbers, self._marks = array("I"), bytearray(1)


_PATIENCE: Final = 5.0
_TRIES: Final = 2
_MOST_NAMES: Final = 200
_NO_PACKETS: Final = bytes.fromhex("d4c3b2a1 02000400 00000000 00000000 00000400 01000000")
"""A pcap's header (draft-ietf-opsawg-pcap), and nothing behind it."""
_SAYS: Final = "Filter invalid - "
"""Before sharkd's own words."""


class DisplayFilterService:
    """Answers about filters."""

    def __init__(self, tshark: Tshark) -> None:
        self._tshark = tshark
        path = find_sharkd(tshark)
        self._sharkd = None if path is None else SharkdKeeper(path)

    async def check(self, text: str) -> None:
        """Do nothing for a display filter that means something.

        Raises:
            FilterError: in Wireshark's words, what is wrong with it.
            TsharkError: nobody can be asked.
        """
        if len(text.encode(errors="replace")) > LONGEST_FILTER:
            raise FilterError(f"A display filter of more than {LONGEST_FILTER:,} bytes is too long.")
        text = text.encode(errors="replace").decode()
        try:
            if await self._ask("check", filter=text) is not None:
                return
        except SharkdRefused as refusal:
            raise FilterError(_sentence(str(refusal).removeprefix(_SAYS))) from refusal
        await self._check_by_tshark(text)

    async def complete(self, start: str) -> tuple[FieldName, ...]:
        """The names of fields and protocols that begin like that, protocols and short names first."""
        if not start:
            return ()
        try:
            answer = await self._ask("complete", field=start)
            found = await self._names_by_tshark(start) if answer is None else read_names(answer)
        except (SharkdRefused, msgspec.DecodeError):
            return ()
        return tuple(sorted(found, key=_order))[:_MOST_NAMES]

    async def close(self) -> None:
        """End sharkd."""
        sharkd, self._sharkd = self._sharkd, None
        if sharkd is not None:
            await sharkd.close()

    async def _ask(self, method: str, **params: str) -> bytes | None:
        """What sharkd answers; None where there is no sharkd that works."""
        if self._sharkd is None:
            return None
        for _ in range(_TRIES):
            with contextlib.suppress(SharkdDied):
                return await (await self._sharkd.get(Decoding())).ask(method, _PATIENCE, **params)
        await self.close()
        return None

    async def _check_by_tshark(self, text: str) -> None:
        try:
            await self._run(self._tshark.look_arguments(Decoding(), "-Y", text), _no_packets(), lambda _lines: None)
        except TsharkDied as death:
            if said := about_filter(death.said):
                raise FilterError(_sentence(said)) from death
            raise TsharkError(f"tshark cannot check the filter: {death.said}") from death

    async def _names_by_tshark(self, start: str) -> tuple[FieldName, ...]:
        found: list[FieldName] = []
        wanted = start.lower().encode()

        def take(lines: list[bytes]) -> None:
            for line in lines:
                kind, title, name, *_ = (*line.split(b"\t", 3), b"", b"", b"")
                if kind in (b"P", b"F") and name.startswith(wanted):
                    found.append(FieldName(name.decode(errors="replace"), title.decode(errors="replace")))

        try:
            await self._run(["-G", "fields"], _no_packets(), take)
        except TsharkDied:
            return ()
        return tuple(dict.fromkeys(found))

    async def _run(
        self, arguments: list[str], capture: AsyncIterator[bytes], take: Callable[[list[bytes]], None]
    ) -> None:
        try:
            await TsharkLines(self._tshark, arguments).read(capture, take)
        except OSError as error:
            raise self._tshark.cannot_run(error) from error


async def _no_packets() -> AsyncIterator[bytes]:
    yield _NO_PACKETS


def _sentence(said: str) -> str:
    return said if said.endswith(".") else f"{said}."


def _order(name: FieldName) -> tuple[bool, int, str]:
    return "." in name.name, name.name.count("."), name.name
