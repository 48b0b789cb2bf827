"""Marks packets in which a side begins with what tshark does not show: TLS, HTTP/1, or HTTP/2 on a port of TLS.

Fed what the raw bytes of the capture say, ahead of tshark; a packet in which it shows a frame needs no help.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from inspector.capture.first_words import FirstWords
from inspector.model.endpoint import Endpoint
from inspector.model.frame import Packet, TcpEvent
from inspector.model.speech import Speech

_BOUND: Final = 100_000
"""Sides that are remembered: more connections than that are not made by mistake."""


class Strangers:
    """What sides begin with, by who speaks to whom."""

    def __init__(self) -> None:
        self._speeches: dict[tuple[Endpoint, Endpoint], Speech] = {}
        self._marked: dict[tuple[int, Endpoint], int] = {}
        """By connection and sender: the packet of its first payload."""

    def note(self, found: FirstWords) -> None:
        """Raw bytes of the capture say this; what a side said before is what it begins with."""
        if len(self._speeches) < _BOUND and found.speech.words != "SETTINGS":
            self._speeches.setdefault((found.source, found.destination), found.speech)

    def again(self) -> Strangers:
        """The same, for packets that are about to be read anew."""
        other = Strangers()
        other._speeches = self._speeches
        return other

    def mark(self, packets: Iterable[Packet]) -> list[Packet]:
        """The packets, with `speech` in those that need it."""
        return [self._marked_packet(each) if each.payload and not each.frames else each for each in packets]

    def _marked_packet(self, packet: Packet) -> Packet:
        source, destination, connection = packet.source, packet.destination, packet.connection
        if source is None or destination is None or connection is None or packet.tcp & TcpEvent.PREFACE:
            return packet
        speech = self._speeches.get((source, destination))
        if speech is None or self._marked.setdefault((connection, source), packet.number) != packet.number:
            return packet
        return msgspec.structs.replace(packet, speech=speech)
