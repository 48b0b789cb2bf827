"""What the rules ask of a call: its request, its reset, its end, its deadline, and the words for them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from inspector.diagnosis.call_facts import content_type
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
"""gRPC over HTTP/2, TimeoutUnit: seconds, and how people write it."""
_CONNECT_TIMEOUT: Final = re.compile(r"\d{1,10}", re.ASCII)
"""The Connect protocol's header says milliseconds."""
_FIRST_FRAMES: Final = 64
"""Of a call, among which its request's headers are."""
_LONGEST: Final = 160


class FrameRef(NamedTuple):
    """A frame, where it is, and who sent it."""

    position: int
    frame: Frame
    side: Side

    def __str__(self) -> str:
        return f"packet {self.frame.packet}"


class Timeout(NamedTuple):
    """The time that the client allows."""

    seconds: float
    text: str
    """`500 ms`."""
    header: str = "grpc-timeout"


@dataclass(frozen=True, slots=True)
class CallContext:
    """A call with all that is known around it."""

    store: Store
    catalog: Catalog
    call: Call

    @property
    def connection(self) -> Connection:
        """The connection that it was on."""
        return self.store.connections[self.call.key.connection]

    def at(self, position: int) -> FrameRef:
        """The frame at a position of the store."""
        frame = self.store.frames[position]
        return FrameRef(position, frame, self.store.side(frame))

    def request(self) -> FrameRef | None:
        """The HEADERS that began the call."""
        placed = map(self.at, self.call.frames[:_FIRST_FRAMES])
        return next(
            (each for each in placed if each.side is Side.CLIENT and each.frame.type == FrameType.HEADERS), None
        )

    def reset(self) -> FrameRef | None:
        """The RST_STREAM that ended the call; None where something else did."""
        for position in reversed(self.call.frames if self.call.state is CallState.CANCELLED else ()):
            frame = self.store.frames[position]
            if frame.type == FrameType.RST_STREAM and frame.time == self.call.ended:
                return self.at(position)
        return None

    def last(self, side: Side) -> FrameRef | None:
        """The frame with which a side ended the stream; else its last one."""
        found: FrameRef | None = None
        for position in reversed(self.call.frames):
            placed = self.at(position)
            if placed.side is side and placed.frame.ends_stream:
                return placed
            if placed.side is side and found is None:
                found = placed
            if self.store.frames[position].time < (self.call.ended or 0.0):
                break
        return found

    def timeout(self) -> Timeout | None:
        """What `grpc-timeout` says, or Connect's header; None for a call without one, or one that cannot be read."""
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
        """Seconds since the request; None where its headers were not captured."""
        return None if self.call.request_headers is None else time - self.call.started

    def after(self, time: float) -> str:
        """` after 503 ms`; empty where the request was not captured."""
        elapsed = self.elapsed(time)
        return "" if elapsed is None else f" after {duration(elapsed)}"

    def has_passed(self, timeout: Timeout, time: float) -> bool:
        """True when the deadline had passed at a time.

        Clients round what they announce up, by a hundredth at most, and it takes some time to be on the wire.
        """
        elapsed = self.elapsed(time)
        return elapsed is not None and elapsed >= timeout.seconds * 0.99 - 0.005

    def is_grpc(self, side: Side) -> bool:
        """False where a side says that its body is something else, or says nothing in headers that are all known."""
        said, headers = content_type(self.call, side), self.call.request_headers
        return (headers is None or bool(headers.sources)) if said is None else said.startswith("application/grpc")

    @property
    def may_be_other(self) -> bool:
        """True where neither side's content type can be read, or only one that is not gRPC's: it may be no gRPC."""
        request, headers = content_type(self.call, Side.CLIENT), self.call.request_headers
        if request is not None or (headers is not None and not headers.sources):
            return False
        return not (content_type(self.call, Side.SERVER) or "").startswith("application/grpc")

    def endings(self) -> tuple[ConnectionEnding, ...]:
        """The FINs and RSTs that came before the call's end, or with it."""
        ended = self.call.ended
        return tuple(each for each in self.connection.endings if ended is None or each.time <= ended)

    def goaways(self, side: Side = Side.SERVER) -> tuple[FrameRef, ...]:
        """The GOAWAYs that a side sent before the call's end, or with it; the latest comes first."""
        ended, side_of = self.call.ended, self.connection.side
        said = reversed(self.store.traffic(self.call.key.connection).goaways)
        kept = (each for each in said if self.store.frames.holds(each.position) and side_of(each.sender) is side)
        return tuple(self.at(each.position) for each in kept if ended is None or each.time <= ended)

    def proven(self, cause: Cause, sentence: str, *frames: FrameRef | None, packets: tuple[int, ...] = ()) -> Diagnosis:
        """A cause with the frames, and the packets beside them, that prove it."""
        found = [each for each in frames if each is not None]
        numbers = sorted({*packets, *(each.frame.packet for each in found)})
        return Diagnosis(cause, sentence, tuple(numbers), tuple(sorted({each.position for each in found})))


def ending_name(ending: ConnectionEnding) -> str:
    """`FIN, packet 15`."""
    return f"{'RST' if ending.is_reset else 'FIN'}, packet {ending.packet}"


def quoted(text: str) -> str:
    """` “…”` of words from the wire; empty for none."""
    words = " ".join(text.split())
    return f" “{clean(shortened(words, _LONGEST))}”" if words else ""


def detail(frame: Frame, key: str) -> str:
    """What a frame's detail says, safe to look at."""
    return clean(shortened(str((frame.detail or {}).get(key, "")), _LONGEST))
