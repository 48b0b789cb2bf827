"""Cuts gRPC messages out of the DATA bytes that one side sent on a stream (gRPC over HTTP/2, Length-Prefixed-Message).

Takes payloads split and joined in any way, and remembers only the message that is not whole yet. Knows nothing of
frames, packets or time: whoever feeds it knows those. Bytes that were lost leave a message without data, and the
next message is looked for where a payload begins with one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from inspector.model.message import PREFIX_LENGTH

MESSAGE_BOUND: Final = 64 << 20
"""The longest message that is kept, 64 MiB: sixteen times what gRPC accepts by default. Of longer ones only the
length is told, so that a length field alone never costs memory."""

_COMPRESSED: Final = 1


class Cut(NamedTuple):
    """One message as it was found."""

    offset: int
    """Where its prefix began, counted in bytes from the first payload."""
    length: int
    """As the prefix says, without the prefix."""
    compressed: bool
    body: bytes | None
    """The bytes behind the prefix; None where they are not all there, with the reason in `problem`."""
    problem: str | None = None


class Deframer:
    """One side of one stream; `feed` it payloads in their order."""

    __slots__ = ("_buffer", "_in_step", "_offset", "_skip")

    def __init__(self) -> None:
        self._buffer = bytearray()
        """At most a prefix and MESSAGE_BOUND bytes, and never more than was fed."""
        self._offset = 0
        """How many bytes were fed before the buffer's first."""
        self._skip = 0
        """How many bytes of a message beyond the bound are still to come."""
        self._in_step = True
        """False while it is not known where the next prefix is."""

    @property
    def pending(self) -> int:
        """Bytes of a message that is not whole; 0 between messages."""
        return len(self._buffer) + self._skip

    def feed(self, payload: bytes) -> Iterator[Cut]:
        """The messages that these bytes complete."""
        if not self._in_step:
            if not _begins_message(payload):
                self._offset += len(payload)
                return
            self._in_step = True
        if not self._buffer and not self._skip and len(payload) >= PREFIX_LENGTH:
            yield from self._cut(payload)  # nothing waits: no need to copy the payload first
        else:
            self._buffer += payload
            waiting = bytes(self._buffer) if self._is_complete() else b""
            if waiting:
                self._buffer.clear()
                yield from self._cut(waiting)

    def lose(self, count: int = 0) -> Iterator[Cut]:
        """Bytes were lost here, `count` of them where that is known: what was waiting is missing."""
        if self._buffer or self._skip:
            yield self._missing("bytes of it were not captured")
        self._offset += len(self._buffer) + count
        self._buffer.clear()
        self._skip = 0
        self._in_step = False

    def _is_complete(self) -> bool:
        if self._skip:
            return True
        if len(self._buffer) < PREFIX_LENGTH:
            return False
        length = int.from_bytes(self._buffer[1:PREFIX_LENGTH], "big")
        return length > MESSAGE_BOUND or self._buffer[0] > _COMPRESSED or len(self._buffer) >= PREFIX_LENGTH + length

    def _cut(self, data: bytes) -> Iterator[Cut]:
        start = min(self._skip, len(data))
        self._skip -= start
        end = len(data)
        while end - start >= PREFIX_LENGTH:
            flag, length = data[start], int.from_bytes(data[start + 1 : start + PREFIX_LENGTH], "big")
            at, after = self._offset + start, start + PREFIX_LENGTH + length
            if flag > _COMPRESSED:
                yield Cut(
                    at, end - start, compressed=False, body=None, problem=f"its prefix begins with {flag}, not 0 or 1"
                )
                self._in_step, start = False, end
            elif length > MESSAGE_BOUND:
                problem = f"longer than {MESSAGE_BOUND >> 20} MiB: not kept"
                yield Cut(at, length, flag == _COMPRESSED, None, problem)
                self._skip, start = max(after - end, 0), min(after, end)
            elif after > end:
                break
            else:
                yield Cut(at, length, flag == _COMPRESSED, data[start + PREFIX_LENGTH : after])
                start = after
        self._offset += start
        self._buffer += data[start:]

    def _missing(self, problem: str) -> Cut:
        length = max(len(self._buffer) - PREFIX_LENGTH, 0)
        compressed = False
        if len(self._buffer) >= PREFIX_LENGTH:
            compressed, length = self._buffer[0] == _COMPRESSED, int.from_bytes(self._buffer[1:PREFIX_LENGTH], "big")
        return Cut(self._offset, length, compressed, None, problem)


def _begins_message(payload: bytes) -> bool:
    """True when a payload is, from its first byte to its last, a chain of whole messages.

    Asked where it is not known what the payload begins with: anything less exact would find messages in the middle
    of others.
    """
    start, end = 0, len(payload)
    while end - start >= PREFIX_LENGTH and payload[start] <= _COMPRESSED:
        start += PREFIX_LENGTH + int.from_bytes(payload[start + 1 : start + PREFIX_LENGTH], "big")
    return start == end > 0
