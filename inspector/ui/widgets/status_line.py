"""The first line of the screen: the service, the capture, the pace of reading."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from time import monotonic
from typing import Final, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from inspector.client.sender import ConnectionState
from inspector.present.spans import Span, Tone
from inspector.present.times import clock
from inspector.session import Completeness, Phase, SessionStatus
from inspector.text import clean, counted, limit, whole
from inspector.ui.rendering import Palette, segments

_WINDOW: Final = 5.0
"""Seconds that are looked at."""
_APART: Final = 0.25
"""Seconds between two moments that are kept."""
_ENOUGH: Final = 0.5
"""Seconds after which something can be said."""


class _Moment(NamedTuple):
    time: float
    packets: int
    octets: int


class Pace:
    """Of one reading."""

    def __init__(self) -> None:
        self._moments: deque[_Moment] = deque()

    def note(self, time: float, packets: int, octets: int) -> None:
        """So many packets and bytes are read at this time, in seconds of any clock that only goes forward."""
        moment, kept = _Moment(time, packets, octets), self._moments
        if kept and (packets < kept[-1].packets or octets < kept[-1].octets):
            kept.clear()  # it is read again from its start
        if len(kept) > 1 and time - kept[-2].time < _APART:
            kept[-1] = moment
        else:
            kept.append(moment)
        while time - kept[0].time > _WINDOW and len(kept) > 2:
            kept.popleft()

    def stop(self) -> None:
        """Nothing is read for a while."""
        self._moments.clear()

    @property
    def packets(self) -> float | None:
        """Packets a second; None before that can be told."""
        seconds = self._seconds
        return None if seconds is None else (self._moments[-1].packets - self._moments[0].packets) / seconds

    def left(self, total: int) -> float | None:
        """Seconds until all these bytes are read; None before that can be told."""
        seconds = self._seconds
        octets = self._moments[-1].octets - self._moments[0].octets if seconds else 0
        if seconds is None or not octets:
            return None
        return max(total - self._moments[-1].octets, 0) * seconds / octets

    @property
    def _seconds(self) -> float | None:
        if not self._moments:
            return None
        seconds = self._moments[-1].time - self._moments[0].time
        return seconds if seconds >= _ENOUGH else None


NAME: Final = " grpc-inspector "
_GAP: Final = "   "
_DOT: Final = " · "
_FACTS: Final = 2
"""Parts from this rank on are facts beside the matter."""
_BEHIND: Final = 1_000
"""Packets that wait for tshark, from which on it is said: fewer are decoded within a moment."""
_LONG_ADDRESS: Final = 25
_BESIDE_ADDRESS: Final = 80
"""Characters of where the tap listens that come before other facts, as many as fit beside localhost:50051 in 80
columns, and columns for the rest of the line where a longer one is shown whole."""
_PHASES: Final = {
    Phase.STARTING: (Tone.WARN, "starting…"),
    Phase.LIVE: (Tone.ERROR, "live"),
    Phase.READING: (Tone.SERVER, "reading…"),
    Phase.STOPPED: (Tone.WARN, "stopped"),
    Phase.ENDED: (Tone.DIM, "complete"),
    Phase.FAILED: (Tone.ERROR, "failed"),
}
"""The dot's tone and the word; a live capture has a red dot, as a recording has everywhere."""


_CONNECTIONS: Final = {
    ConnectionState.CONNECTED: Tone.OK,
    ConnectionState.CONNECTING: Tone.WARN,
    ConnectionState.FAILED: Tone.ERROR,
    ConnectionState.ENDED: Tone.WARN,
}


class _Part(NamedTuple):
    rank: int
    """Parts of the highest rank are left out first."""
    spans: tuple[Span, ...]


class StatusLine(Widget):
    """The status of a session, in a line."""

    def __init__(self, service: str) -> None:
        """`service` is what stands before the source's name, as in `greet service`; it may be empty."""
        super().__init__(id="status")
        self._service = service
        self._status: SessionStatus | None = None
        self._packets = 0
        self._pace = Pace()
        self.connection: ConnectionState | None = None
        """Of the request box's connection, as it is shown; None before it was used."""

    def show(self, status: SessionStatus, packets: int, connection: ConnectionState | None = None) -> None:
        """Draw another status."""
        if status.phase is Phase.READING:
            self._pace.note(monotonic(), packets, status.decoded)
        else:
            self._pace.stop()
        if (status, packets, connection) != (self._status, self._packets, self.connection):
            self._status, self._packets, self.connection = status, packets, connection
            behind = "" if status.backlog is None else status.backlog.cause
            self.tooltip = " ".join(filter(None, (clean(status.reason), left_words(status), behind))) or None
            self.refresh()

    def render_line(self, y: int) -> Strip:  # noqa: ARG002 - Textual's
        """The line; the widget is one line high."""
        palette, width = Palette.of_app(self.app), self.size.width
        name = Segment(NAME, palette.chip)
        parts = list(self._parts())
        while parts and _width(parts) + len(NAME) > width:
            parts.remove(max(parts))
        line = [name]
        for before, part in zip([None, *parts], parts, strict=False):
            line += segments((_between(before, part), *part.spans), palette)
        return Strip(line).adjust_cell_length(width).apply_style(self.rich_style)

    def _parts(self) -> Iterator[_Part]:
        status = self._status
        if status is None:
            yield _Part(0, (Span("● ", Tone.WARN), Span("starting…")))
            return
        name = " ".join(word for word in (self._service, clean(status.source)) if word)
        dot = (
            Tone.ERROR if status.phase is Phase.FAILED else Tone.OK if status.phase is not Phase.STARTING else Tone.WARN
        )
        source = _Part(1, (Span("● ", dot), Span(name)))
        phase = _Part(0, _phase(status))
        yield source
        if self.connection is not None:
            rank = 3 if self.connection is ConnectionState.CONNECTED else 1
            yield _Part(rank, (Span(self.connection, _CONNECTIONS.get(self.connection, Tone.DIM)),))
        yield phase
        if status.engine:
            room = self.size.width - len(NAME) - _width([source, phase]) - len(f"{_GAP}tap on ")
            where = _where(status, min(room, max(_LONG_ADDRESS, self.size.width - _BESIDE_ADDRESS)))
            yield _Part(2 if status.engine == "tap" and where else 3, (Span(f"{status.engine}{where}", Tone.DIM),))
        yield _Part(4, (Span(counted(self._packets, "packet"), Tone.DIM),))
        if status.engine:
            tone = Tone.ERROR if status.dropped else Tone.DIM
            yield _Part(2 if status.dropped else 5, (Span(f"{status.dropped:,} dropped", tone),))
        if status.left:
            yield _Part(2, (Span(f"kept since {clock(status.kept_since)[:8]}", Tone.WARN),))
        if (backlog := status.backlog) is not None:
            stalled = "tshark stalled: " if backlog.is_stalled else ""
            yield _Part(1, (Span(f"{stalled}behind by {backlog.amount}", Tone.WARN),))
        elif status.recorded - self._packets >= _BEHIND:
            yield _Part(1, (Span(f"behind by {status.recorded - self._packets:,} packets", Tone.WARN),))
        yield from self._progress(status)
        if status.tshark:
            yield _Part(6, (Span(f"tshark {status.tshark}", Tone.DIM),))

    def _progress(self, status: SessionStatus) -> Iterator[_Part]:
        """How fast a file is read and for how long yet, and the key that stops it."""
        if status.phase is Phase.READING:
            if (rate := self._pace.packets) is not None:
                yield _Part(5, (Span(f"{rate:,.0f}/s", Tone.DIM),))
            if status.is_whole and (left := self._pace.left(status.captured)) is not None:
                yield _Part(3, (Span(f"{whole(left)} left", Tone.DIM),))
            yield _Part(4, (Span("^E stops", Tone.DIM),))
        elif status.phase is Phase.STOPPED:
            yield _Part(3, (Span("^E goes on", Tone.DIM),))


def _phase(status: SessionStatus) -> tuple[Span, ...]:
    """The dot, and what the capture does; a capture that is not all there is not shown as one that is well."""
    is_warning = status.phase is Phase.ENDED and status.completeness in (Completeness.CUT_OFF, Completeness.DAMAGED)
    tone = Tone.WARN if is_warning else _PHASES[status.phase][0]
    return Span("● ", tone), Span(_doing(status), tone if is_warning else Tone.PLAIN)


def _where(status: SessionStatus, longest: int) -> str:
    """Where the engine listens, or the end of a long address; empty where a tap has the address of the service."""
    if status.interface:
        return f" on {status.interface}"
    if status.engine != "tap" or status.target is None or str(status.target) == status.source:
        return ""
    where = clean(str(status.target))
    return f" on {where if len(where) <= longest else '…' + where[1 - longest :]}"


def _doing(status: SessionStatus) -> str:
    """What the capture does, in a word or two."""
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


def left_words(status: SessionStatus) -> str:
    """What of a capture is not kept any more; empty while all of it is."""
    if not status.left:
        return ""
    since = clock(status.kept_since)[:8]
    return f"Kept since {since}: {counted(status.left, 'older frame')} dropped (memory limit {limit(status.memory)})."


def _between(before: _Part | None, part: _Part) -> Span:
    """Facts about the capture belong together; the words with a dot stand alone."""
    is_fact = before is not None and before.rank >= _FACTS <= part.rank
    return Span(_DOT, Tone.DIM) if is_fact else Span(_GAP)


def _width(parts: list[_Part]) -> int:
    return sum(len(_GAP) + sum(cell_len(span.text) for span in part.spans) for part in parts)
