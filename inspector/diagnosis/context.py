"""Gives the rules access to a call and its surroundings: request, reset, end, deadline, and how they are worded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from inspector.diagnosis.call_facts import content_type
from inspector.http2.framings import framing_of
from inspector.model.call import Call, CallState
from inspector.model.connection import Cause, Connection, ConnectionEnding, Diagnosis
from inspector.model.frame import Frame, FrameType, Side
from inspector.schema.catalog import Catalog
from inspector.store.store import Store
from inspector.text import clean, duration, shortened

_TIMEOUT: Final = re.compile(r"(\d{1,8})([HMSmun])", re.ASCII)
_UNITS: Final = {
    "H": (3600.0, "h"),
    "M": (60.0, "min"),
    "S": (1.0, "s"),
    "m": (1e-3, "ms"),
    "u": (1e-6, "µs"),
    "n": (1e-9, "ns"),
}
"""gRPC over HTTP/2, TimeoutUnit: its length in seconds, and the symbol of the unit."""
_CONNECT_TIMEOUT: Final = re.compile(r"\d{1,10}", re.ASCII)
"""The value of `connect-timeout-ms`, which has at most ten digits (Connect protocol, Timeout-Milliseconds)."""
_FRAMES_SEARCHED: Final = 64
"""The first frames of a call, which are searched for the HEADERS of the request."""
_MAX_QUOTED: Final = 160
"""Characters of text from the wire that a sentence quotes."""


class FrameRef(NamedTuple):
    """A frame with its position in the store and its sender."""

    position: int
    frame: Frame
    side: Side

    def __str__(self) -> str:
        return f"packet {self.frame.packet}"


class Timeout(NamedTuple):
    """The time that the client allows for a call."""

    seconds: float
    text: str
    """The time as text: `500 ms`."""
    header: str = "grpc-timeout"
    """The name of the header that has it."""


@dataclass(frozen=True, slots=True)
class CallContext:
    """A call with the store and the catalog that it is explained from."""

    store: Store
    catalog: Catalog
    call: Call

    @property
    def connection(self) -> Connection:
        """The connection of the call."""
        return self.store.connections[self.call.key.connection]

    def at(self, position: int) -> FrameRef:
        """Return the frame at a position of the store."""
        frame = self.store.frames[position]
        return FrameRef(position, frame, self.store.side(frame))

    def request(self) -> FrameRef | None:
        """Return the HEADERS frame of the request, or None if it was not captured."""
        refs = map(self.at, self.call.frames[:_FRAMES_SEARCHED])
        return next((ref for ref in refs if ref.side is Side.CLIENT and ref.frame.type == FrameType.HEADERS), None)

    def reset(self) -> FrameRef | None:
        """Return the RST_STREAM that ended the call, or None if something else did."""
        for position in reversed(self.call.frames if self.call.state is CallState.CANCELLED else ()):
            frame = self.store.frames[position]
            if frame.type == FrameType.RST_STREAM and frame.time == self.call.ended:
                return self.at(position)
        return None

    def last(self, side: Side) -> FrameRef | None:
        """Return the frame with which a side ended the stream, else its last frame, else None."""
        found: FrameRef | None = None
        for position in reversed(self.call.frames):
            ref = self.at(position)
            if ref.side is side and ref.frame.ends_stream:
                return ref
            if ref.side is side and found is None:
                found = ref
            if self.store.frames[position].time < (self.call.ended or 0.0):
                break
        return found

    def timeout(self) -> Timeout | None:
        """Return the timeout from `grpc-timeout` or `connect-timeout-ms`; None without a valid one."""
        headers = self.call.request_headers
        if headers is None:
            return None
        if match := _TIMEOUT.fullmatch(headers.first("grpc-timeout") or ""):
            seconds, unit = _UNITS[match[2]]
            return Timeout(int(match[1]) * seconds, f"{int(match[1])} {unit}")
        if match := _CONNECT_TIMEOUT.fullmatch(headers.first("connect-timeout-ms") or ""):
            return Timeout(int(match[0]) / 1000, f"{int(match[0])} ms", "connect-timeout-ms")
        return None

    def elapsed(self, time: float) -> float | None:
        """Return the seconds from the start of the call to a time; None if the request headers were not captured."""
        return None if self.call.request_headers is None else time - self.call.started

    def after(self, time: float) -> str:
        """Return ` after 503 ms`, or nothing if the request headers were not captured."""
        elapsed = self.elapsed(time)
        return "" if elapsed is None else f" after {duration(elapsed)}"

    def has_passed(self, timeout: Timeout, time: float) -> bool:
        """Return whether the deadline had passed at a time.

        Tolerates 1 % and 5 ms: clients round what they announce, and the request takes time to reach the wire.
        """
        elapsed = self.elapsed(time)
        return elapsed is not None and elapsed >= timeout.seconds * 0.99 - 0.005

    def is_grpc(self, side: Side) -> bool:
        """Return False if a side declares another content type, or none although all request headers are known."""
        declared, headers = content_type(self.call, side), self.call.request_headers
        if declared is not None:
            return framing_of(declared).is_grpc
        return headers is None or bool(headers.sources)

    @property
    def may_not_be_grpc(self) -> bool:
        """True if the request's content type is unknown and the response's is not gRPC's."""
        request, headers = content_type(self.call, Side.CLIENT), self.call.request_headers
        if request is not None or (headers is not None and not headers.sources):
            return False
        return not framing_of(content_type(self.call, Side.SERVER) or "").is_grpc

    def endings(self) -> tuple[ConnectionEnding, ...]:
        """Return the FINs and RSTs that came no later than the end of the call."""
        ended = self.call.ended
        return tuple(each for each in self.connection.endings if ended is None or each.time <= ended)

    def goaways(self, side: Side = Side.SERVER) -> tuple[FrameRef, ...]:
        """Return the GOAWAYs that a side sent no later than the end of the call, the latest first."""
        ended, side_of = self.call.ended, self.connection.side
        goaways = reversed(self.store.traffic(self.call.key.connection).goaways)
        kept = (each for each in goaways if self.store.frames.holds(each.position) and side_of(each.sender) is side)
        return tuple(self.at(each.position) for each in kept if ended is None or each.time <= ended)

    def diagnosis(
        self, cause: Cause, sentence: str, *frames: FrameRef | None, packets: tuple[int, ...] = ()
    ) -> Diagnosis:
        """Return a diagnosis with the frames that prove it, and with packets that prove it but hold no frame."""
        found = [each for each in frames if each is not None]
        numbers = sorted({*packets, *(each.frame.packet for each in found)})
        return Diagnosis(cause, sentence, tuple(numbers), tuple(sorted({each.position for each in found})))


def ending_name(ending: ConnectionEnding) -> str:
    """Return how a connection ended: `FIN, packet 15`."""
    return f"{'RST' if ending.is_reset else 'FIN'}, packet {ending.packet}"


def quoted(text: str) -> str:
    """Return ` “…”` with text from the wire, or nothing for an empty text."""
    line = " ".join(text.split())
    return f" “{clean(shortened(line, _MAX_QUOTED))}”" if line else ""


def detail(frame: Frame, key: str) -> str:
    """Return a field of a frame's payload as text that is safe to display; empty if there is no such field."""
    return clean(shortened(str((frame.detail or {}).get(key, "")), _MAX_QUOTED))
