"""The first line of the screen: whom we talk to, what the capture does, how much has come.

Draws the session's status as it is given. Where the terminal is narrow, what matters least is left out first.
"""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import Final, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from inspector.client.caller import ConnectionState
from inspector.session import Phase, SessionStatus
from inspector.ui.format import Palette, segments
from inspector.views.pace import Pace
from inspector.views.spans import Span, Tone
from inspector.views.text import clean, counted, limit
from inspector.views.times import clock, whole

NAME: Final = " grpc-inspector "
_GAP: Final = "   "
_DOT: Final = " · "
_FACTS: Final = 2
"""Parts from this rank on are facts beside the matter."""
_BEHIND: Final = 1_000
"""Packets that wait for tshark, from which on it is said: fewer are decoded within a moment."""
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
            self.tooltip = " ".join(filter(None, (clean(status.reason), left_words(status)))) or None
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
        yield _Part(1, (Span("● ", dot), Span(name)))
        if self.connection is not None:
            yield _Part(1, (Span(self.connection, _CONNECTIONS.get(self.connection, Tone.DIM)),))
        yield _Part(0, (Span("● ", _PHASES[status.phase][0]), Span(_doing(status))))
        if status.engine:
            where = f" on {status.interface}" if status.interface else ""
            yield _Part(3, (Span(f"{status.engine}{where}", Tone.DIM),))
        yield _Part(4, (Span(counted(self._packets, "packet"), Tone.DIM),))
        if status.engine:
            tone = Tone.ERROR if status.dropped else Tone.DIM
            yield _Part(2 if status.dropped else 5, (Span(f"{status.dropped:,} dropped", tone),))
        if status.left:
            yield _Part(2, (Span(f"kept since {clock(status.kept_since)[:8]}", Tone.WARN),))
        if status.recorded - self._packets >= _BEHIND:
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
