"""Which packets carry some frames: found in one pass over all packets of their connections.

Pure. Those in which the frames end, and of the same sender those before, back to where a frame begins with a packet;
with each connection's handshake and what each side said first, so that the frames can be read again from them.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field

from inspector.capture.lanes import PREFACE
from inspector.capture.segments import Segment


@dataclass(slots=True)
class _Sender:
    waiting: list[int] = field(default_factory=list)
    """Its packets since a frame began with a packet."""
    behind: int = 0
    """Bytes that it has sent, and that no frame which ended had."""


class Carriers:
    """Give it packets in their order. Where bytes were lost, or sealed, all that came before is taken."""

    def __init__(self, wanted: Container[int], ended: Mapping[int, int]) -> None:
        """`wanted` are packets in which frames end; `ended`, by packet, the bytes of all frames that end in it."""
        self.found: set[int] = set()
        self._wanted = wanted
        self._ended = ended
        self._senders: dict[tuple[int, int], _Sender] = {}
        self._spoken: set[int] = set()
        """Connections on which something was said."""

    def take(self, segment: Segment) -> None:
        """The next packet."""
        if not segment.length:
            if segment.connection not in self._spoken:  # the handshake
                self.found.add(segment.number)
            return
        self._spoken.add(segment.connection)
        sender = self._senders.get((segment.connection, segment.port))
        if sender is None:
            sender = self._senders[segment.connection, segment.port] = _Sender()
            self.found.add(segment.number)
        sender.waiting.append(segment.number)
        if segment.number in self._wanted:
            self.found.update(sender.waiting)
            sender.waiting.clear()
        sender.behind += segment.length - self._ended.get(segment.number, 0)
        if sender.behind in (0, PREFACE):
            sender.waiting.clear()
