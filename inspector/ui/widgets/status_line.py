"""The first line of the screen: the service, the state of the capture, the progress of reading."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from time import monotonic
from typing import Final, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from inspector.capture.engines.registry import is_relay
from inspector.client.sender import ConnectionState
from inspector.present.spans import Span, Tone
from inspector.present.times import clock
from inspector.session import Completeness, Phase, SessionStatus
from inspector.text import clean, counted, limit, whole
from inspector.ui.rendering import Palette, segments

_WINDOW: Final = 5.0
"""Seconds over which the rate is averaged."""
_SAMPLE_INTERVAL: Final = 0.25
"""The smallest number of seconds between two samples."""
_MIN_SECONDS: Final = 0.5
"""Seconds after which the rate is known."""


class _Sample(NamedTuple):
    time: float
    packets: int
    octets: int


class Pace:
    """The rate at which a file is read, and the time that is left."""

    def __init__(self) -> None:
        self._samples: deque[_Sample] = deque()

    def note(self, time: float, packets: int, octets: int) -> None:
        """Record the number of packets and bytes read until a time, in seconds of a monotonic clock."""
        sample, samples = _Sample(time, packets, octets), self._samples
        if samples and (packets < samples[-1].packets or octets < samples[-1].octets):
            samples.clear()  # the file is read again from its start
        if len(samples) > 1 and time - samples[-2].time < _SAMPLE_INTERVAL:
            samples[-1] = sample
        else:
            samples.append(sample)
        while time - samples[0].time > _WINDOW and len(samples) > 2:
            samples.popleft()

    def stop(self) -> None:
        """Discard all samples, because reading pauses."""
        self._samples.clear()

    @property
    def packets(self) -> float | None:
        """Packets per second; None until that is known."""
        seconds = self._seconds
        return None if seconds is None else (self._samples[-1].packets - self._samples[0].packets) / seconds

    def left(self, total: int) -> float | None:
        """Return the seconds until `total` bytes are read; None until that is known."""
        seconds = self._seconds
        octets = self._samples[-1].octets - self._samples[0].octets if seconds else 0
        if seconds is None or not octets:
            return None
        return max(total - self._samples[-1].octets, 0) * seconds / octets

    @property
    def _seconds(self) -> float | None:
        if not self._samples:
            return None
        seconds = self._samples[-1].time - self._samples[0].time
        return seconds if seconds >= _MIN_SECONDS else None


NAME: Final = " grpc-inspector "
_GAP: Final = "   "
_DOT: Final = " · "
_FACTS: Final = 2
"""Parts from this rank on are separated by a dot; those before it stand apart."""
_MIN_BACKLOG: Final = 1_000
"""Packets not decoded yet from which on the backlog is shown: tshark decodes fewer within a moment."""
_ADDRESS_WIDTH: Final = 25
"""Cells for the address at which the tap listens, which fit beside localhost:50051 in 80 columns."""
_WIDTH_WITHOUT_ADDRESS: Final = 80
"""Cells for the rest of the line if it is wider than that. A longer address may use what is left."""
_PHASES: Final = {
    Phase.STARTING: (Tone.WARN, "starting…"),
    Phase.LIVE: (Tone.ERROR, "live"),
    Phase.READING: (Tone.SERVER, "reading…"),
    Phase.STOPPED: (Tone.WARN, "stopped"),
    Phase.ENDED: (Tone.DIM, "complete"),
    Phase.FAILED: (Tone.ERROR, "failed"),
}
"""The colour of the dot, and the text. Red is the usual colour of a recording."""


_CONNECTIONS: Final = {
    ConnectionState.CONNECTED: Tone.OK,
    ConnectionState.CONNECTING: Tone.WARN,
    ConnectionState.FAILED: Tone.ERROR,
    ConnectionState.ENDED: Tone.WARN,
}


class _Part(NamedTuple):
    rank: int
    """Parts of the highest rank are dropped first if the line is too long."""
    spans: tuple[Span, ...]


class StatusLine(Widget):
    """The status of a session in one line."""

    def __init__(self, service: str) -> None:
        """`service` is shown before the name of the source, such as `greet service`; it may be empty."""
        super().__init__(id="status")
        self._service = service
        self._status: SessionStatus | None = None
        self._packets = 0
        self._pace = Pace()
        self.connection: ConnectionState | None = None
        """The state of the connection of the request box; None until that is used."""

    def show(self, status: SessionStatus, packets: int, connection: ConnectionState | None = None) -> None:
        """Draw a status, if it differs from the last one."""
        if status.phase is Phase.READING:
            self._pace.note(monotonic(), packets, status.decoded)
        else:
            self._pace.stop()
        if (status, packets, connection) != (self._status, self._packets, self.connection):
            self._status, self._packets, self.connection = status, packets, connection
            behind = "" if status.backlog is None else status.backlog.cause
            self.tooltip = " ".join(filter(None, (clean(status.reason), _eviction(status), behind))) or None
            self.refresh()

    def render_line(self, y: int) -> Strip:  # noqa: ARG002 - the widget is one line high
        """Return the line."""
        palette, width = Palette.of_app(self.app), self.size.width
        name = Segment(NAME, palette.chip)
        parts = list(self._parts())
        while parts and _width(parts) + len(NAME) > width:
            parts.remove(max(parts))
        line = [name]
        for before, part in zip([None, *parts], parts, strict=False):
            line += segments((_separator(before, part), *part.spans), palette)
        return Strip(line).adjust_cell_length(width).apply_style(self.rich_style)

    def _parts(self) -> Iterator[_Part]:
        status = self._status
        if status is None:
            yield _Part(0, (Span("● ", Tone.WARN), Span("starting…")))
            return
        name = " ".join(filter(None, (self._service, clean(status.source))))
        dot = {Phase.FAILED: Tone.ERROR, Phase.STARTING: Tone.WARN}.get(status.phase, Tone.OK)
        source = _Part(1, (Span("● ", dot), Span(name)))
        phase = _Part(0, _phase(status))
        yield source
        if self.connection is not None:
            rank = 3 if self.connection is ConnectionState.CONNECTED else 1
            yield _Part(rank, (Span(self.connection, _CONNECTIONS.get(self.connection, Tone.DIM)),))
        yield phase
        if status.engine:
            room = self.size.width - len(NAME) - _width([source, phase]) - len(f"{_GAP}tap on ")
            where = _place(status, min(room, max(_ADDRESS_WIDTH, self.size.width - _WIDTH_WITHOUT_ADDRESS)))
            yield _Part(2 if is_relay(status.engine) and where else 3, (Span(f"{status.engine}{where}", Tone.DIM),))
        yield _Part(4, (Span(counted(self._packets, "packet"), Tone.DIM),))
        if status.engine:
            tone = Tone.ERROR if status.dropped else Tone.DIM
            yield _Part(2 if status.dropped else 5, (Span(f"{status.dropped:,} dropped", tone),))
        if status.left:
            yield _Part(2, (Span(f"kept since {clock(status.kept_since)[:8]}", Tone.WARN),))
        if (backlog := status.backlog) is not None:
            stalled = "tshark stalled: " if backlog.is_stalled else ""
            yield _Part(1, (Span(f"{stalled}behind by {backlog.amount}", Tone.WARN),))
        elif status.recorded - self._packets >= _MIN_BACKLOG:
            yield _Part(1, (Span(f"behind by {status.recorded - self._packets:,} packets", Tone.WARN),))
        yield from self._progress(status)
        if status.tshark:
            yield _Part(6, (Span(f"tshark {status.tshark}", Tone.DIM),))

    def _progress(self, status: SessionStatus) -> Iterator[_Part]:
        """Yield the rate of reading, the time left, and the key that stops or resumes it."""
        if status.phase is Phase.READING:
            if (rate := self._pace.packets) is not None:
                yield _Part(5, (Span(f"{rate:,.0f}/s", Tone.DIM),))
            if status.is_whole and (left := self._pace.left(status.captured)) is not None:
                yield _Part(3, (Span(f"{whole(left)} left", Tone.DIM),))
            yield _Part(4, (Span("^E stops", Tone.DIM),))
        elif status.phase is Phase.STOPPED:
            yield _Part(3, (Span("^E goes on", Tone.DIM),))


def _phase(status: SessionStatus) -> tuple[Span, ...]:
    """Return the dot and the state of the capture, in the colour of a warning if the file is incomplete."""
    is_warning = status.phase is Phase.ENDED and status.completeness in (Completeness.CUT_OFF, Completeness.DAMAGED)
    tone = Tone.WARN if is_warning else _PHASES[status.phase][0]
    return Span("● ", tone), Span(_state(status), tone if is_warning else Tone.PLAIN)


def _place(status: SessionStatus, longest: int) -> str:
    """Return where the engine captures, at most the last `longest` cells of an address.

    It is empty for a tap at the address of the service, which the line shows already.
    """
    if status.interface:
        return f" on {status.interface}"
    if not is_relay(status.engine) or status.target is None or str(status.target) == status.source:
        return ""
    where = clean(str(status.target))
    return f" on {where if len(where) <= longest else '…' + where[1 - longest :]}"


def _state(status: SessionStatus) -> str:
    """Return the state of the capture in a few words."""
    share = f" {status.decoded * 100 // status.captured} %" if status.is_whole and status.captured else ""
    match status.phase:
        case Phase.STARTING:
            return "starting the capture…" if status.tshark else "starting tshark…"
        case Phase.READING:
            return f"reading{share or '…'}"
        case Phase.STOPPED if share:
            return f"stopped at{share}"
        case Phase.ENDED:
            return status.completeness
        case phase:
            return _PHASES[phase][1]


def _eviction(status: SessionStatus) -> str:
    """Return a sentence about evicted frames; empty if there are none."""
    if not status.left:
        return ""
    since = clock(status.kept_since)[:8]
    return f"Kept since {since}: {counted(status.left, 'older frame')} dropped (memory limit {limit(status.memory)})."


def _separator(before: _Part | None, part: _Part) -> Span:
    """Return the separator of two parts: see `_FACTS`."""
    is_fact = before is not None and before.rank >= _FACTS <= part.rank
    return Span(_DOT, Tone.DIM) if is_fact else Span(_GAP)


def _width(parts: list[_Part]) -> int:
    return sum(len(_GAP) + sum(cell_len(span.text) for span in part.spans) for part in parts)
