"""How decoding passes from one tshark to the next: where the present one began, and where another goes on.

Owns the handover and what is needed for it. tshark keeps something of every packet for as long as it runs, so that a
capture without end needs one after the other; none of them is told twice of a packet, and none misses one.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from typing import Protocol

from inspector.capture.handover import Handover, Numbering, hand_over
from inspector.capture.lanes import Lanes
from inspector.capture.packet_walk import PacketWalk
from inspector.capture.recording import Recording
from inspector.capture.tshark import Decoding
from inspector.model.frame import Packet
from inspector.turns import give_way


class GrowingRecording(Recording, Protocol):
    """A recording that is decoded, and of which the oldest may be deleted: a spool, or a file in its own place."""

    is_finished: bool
    """True when nothing more will come."""

    @property
    def first(self) -> tuple[int, int]:
        """How many of its packets were deleted, and the offset of the first that was not."""

    @property
    def header(self) -> bytes:
        """What a capture of those that were not begins with."""

    def is_too_large(self, before: int) -> bool:
        """True when it takes too much of the disk, and some could be deleted that ends before an offset."""

    def let_go(self, before: int) -> bool:
        """Delete what must be deleted, and ends before an offset; True when some was."""


class Relay:
    """One recording's chain of tsharks."""

    def __init__(self, share: float = math.inf, most: int | None = None) -> None:
        """`share` is how many bytes of memory one of them may hold, `most` how many packets it may read."""
        self.handover = Handover()
        self.is_due = False
        """True when the present tshark is to read no further."""
        self._share = share
        self._most = most
        self._settled = Lanes()
        self._lanes = Lanes()
        self._latest = 0
        self._walk = PacketWalk()
        self._going = asyncio.Event()
        self._going.set()

    @property
    def latest(self) -> int:
        """The number of the packet that tshark has told of latest."""
        return self._latest

    @property
    def is_paused(self) -> bool:
        """True while tshark is not fed."""
        return not self._going.is_set()

    def attach(self, recording: GrowingRecording) -> None:
        """The recording is this one; where its beginning was deleted, the first tshark begins behind that."""
        number, offset = recording.first
        if number and not self.handover.number:
            self.handover = Handover(number, offset, recording.header)
            self._walk = PacketWalk(number, offset, recording.header)

    def begin(self, decoding: Decoding) -> Numbering | None:
        """A tshark begins where the last handover was; what it says is to be read with this numbering."""
        self.is_due = False
        self._settled.ports = decoding.ports - decoding.tls_ports - decoding.http_ports
        self._lanes = self._settled.copy()
        self._latest = self.handover.number
        return self.handover.numbering()

    async def feed(self, recording: GrowingRecording) -> AsyncIterator[bytes]:
        """What that tshark is to read."""
        if self.handover.opening:
            yield self.handover.opening
        async for data in recording.read_from(self.handover.offset):
            await self.going()
            yield data

    async def going(self) -> None:
        """Wait until tshark may be fed."""
        await self._going.wait()

    def pause(self) -> None:
        """Feed tshark no more until `go_on`; what it has is still told."""
        self._going.clear()

    def go_on(self) -> None:
        """Feed it again."""
        self._going.set()

    def take(self, packets: list[Packet]) -> list[Packet]:
        """Those of its packets that are to be told."""
        if self.is_due:
            return []
        if packets and packets[0].number <= self.handover.number:
            packets = [packet for packet in packets if packet.number > self.handover.number]
        if self._most is not None and packets and packets[-1].number - self.handover.number >= self._most:
            packets = [packet for packet in packets if packet.number - self.handover.number <= self._most]
            self.is_due = True
        for packet in packets:
            self._lanes.take(packet)
        if packets:
            self._latest = packets[-1].number
        return packets

    def is_too_large(self, memory: int) -> bool:
        """True when a tshark that holds so many bytes is to make way."""
        return memory > self._share

    def end_here(self) -> bool:
        """Let another go on behind what was told last; False where nothing was."""
        self.is_due = self._latest > self.handover.number
        return self.is_due

    async def hand_over(self, recording: GrowingRecording) -> set[int]:
        """Find the place where another goes on; gives the connections of which nothing more can be read.

        Raises:
            ValueError: the recording is of a kind in which no packet can be found.
        """
        lanes = self._lanes
        try:
            lanes.settle(await self._records(recording, lanes.missing()))
        except ValueError:
            self._share, self._most = math.inf, None
            raise
        self._settled = lanes
        self.handover = hand_over(self._latest, self._walk.offset, self._walk.preamble, lanes)
        return lanes.sealed()

    async def _records(self, recording: GrowingRecording, wanted: set[int]) -> dict[int, bytes]:
        """Go on to the packet that was told last; the records of some on the way."""
        walk, found, rest = self._walk, dict[int, bytes](), b""
        async for data in recording.read_from(walk.offset):
            rest += data
            offset = walk.offset
            found.update(walk.take(rest, self._latest, wanted))
            rest = rest[walk.offset - offset :]
            if walk.number == self._latest:
                return found
            await give_way()
        raise ValueError(f"packet {self._latest} is not there")
