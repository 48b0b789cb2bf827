"""Shows all that is known of one connection, as lines under headings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter
from typing import Final, NamedTuple, TypeAlias

from inspector.model.call import CallState
from inspector.model.connection import Connection, Goaway, RoundTrips, SentCounts, Traffic
from inspector.model.frame import type_name
from inspector.present.connections import stall_facts, state, window_lines
from inspector.present.headers import why_line
from inspector.present.spans import ARROWS, GAP, SIDE_TONES, Line, Span, Tone
from inspector.present.times import capture_start, clock
from inspector.store.store import Store
from inspector.text import clean, counted, duration, shortened, size

HOW_TO_GET_KEYS: Final = (
    "It speaks TLS: its calls cannot be seen without the keys of this connection.",
    "Have one of its two ends write them to a file, and name that with --tls-keylog FILE:",
    "  grpc-go   tls.Config{KeyLogWriter: file}, in credentials.NewTLS",
    "  grpc-js   node --tls-keylog=FILE",
    "  curl      SSLKEYLOGFILE=FILE in its environment",
    "  Java      java -javaagent:AGENT.jar=FILE, as jSSLKeyLog and extract-tls-secrets are",
    "  C++       TlsCredentialsOptions: set_tls_session_key_log_file_path",
    "  Python    grpcio writes none: have the other end do it",
    "A pcapng file may hold the keys itself: editcap --inject-secrets tls,FILE",
)
"""How the user can obtain the keys of a TLS connection, as lines."""


_LATEST: Final = 20
"""PINGs and resets that are listed; totals count all of them."""
_MAX_DEBUG: Final = 500
"""Characters of the debug data of a GOAWAY."""
_FIELD_WIDTH: Final = 17
_TABLE_WIDTH: Final = 24
"""Cells of the first column, in lists of fields and in tables of both sides."""
_DEFAULTS: Final = {
    "HEADER_TABLE_SIZE": "4,096",
    "ENABLE_PUSH": "1",
    "MAX_CONCURRENT_STREAMS": "no limit",
    "INITIAL_WINDOW_SIZE": "65,535",
    "MAX_FRAME_SIZE": "16,384",
    "MAX_HEADER_LIST_SIZE": "no limit",
}
"""The initial values of SETTINGS (RFC 9113 §6.5.2)."""
_STATES: Final = {CallState.COMPLETE: Tone.OK, CallState.CANCELLED: Tone.WARN, CallState.BROKEN: Tone.ERROR}


class ConnectionFact(NamedTuple):
    """A line and the position of the frame to which it leads."""

    line: Line = Line()
    position: int | None = None


class _About(NamedTuple):
    store: Store
    connection: Connection
    traffic: Traffic
    origin: float
    """When the capture began."""

    @property
    def ends(self) -> tuple[SentCounts, SentCounts]:
        """The counts of the client and of the server."""
        return self.traffic.sent[self.connection.client], self.traffic.sent[self.connection.server]

    def at(self, time: float) -> str:
        """Return a point in time as seconds since the capture began."""
        return f"{max(time - self.origin, 0.0):.4f}"

    def arrow(self, sent: SentCounts) -> Span:
        """Return the arrow and name of a sender."""
        side = self.connection.side(sent.end)
        return Span(f"{ARROWS[side]} {side:<6}", SIDE_TONES[side])


_Section: TypeAlias = Callable[[_About], Iterator[ConnectionFact]]


def connection_facts(store: Store, index: int) -> tuple[ConnectionFact, ...]:
    """Return all that is known of a connection now."""
    about = _About(store, store.connections[index], store.traffic(index), capture_start(store))
    facts: list[ConnectionFact] = []
    for title, make in _SECTIONS.items():
        if lines := list(make(about)):
            heading = (ConnectionFact(Line((Span(title, Tone.KEY),))),) if title else ()
            facts += [*heading, *lines, ConnectionFact()]
    return tuple(facts[:-1])


def _field(name: str, *value: Span, width: int = _FIELD_WIDTH) -> ConnectionFact:
    return ConnectionFact(Line((Span(f"{name:<{width}}", Tone.DIM), *value), 1))


def _both(name: str, values: Iterable[str], is_sent: Iterable[bool] = (True, True)) -> ConnectionFact:
    """Return a row of a table: a name, the value of the client, the value of the server."""
    spans = (
        Span(f"{value:>14}", Tone.PLAIN if sent else Tone.DIM) for value, sent in zip(values, is_sent, strict=True)
    )
    return _field(name, *spans, width=_TABLE_WIDTH)


def _sides(about: str = "") -> ConnectionFact:
    return _field(about, *(Span(f"{side:>14}", tone) for side, tone in SIDE_TONES.items()), width=_TABLE_WIDTH)


def _title(about: _About) -> Iterator[ConnectionFact]:
    connection = about.connection
    ends = f"{connection.client} → {connection.server}"
    yield ConnectionFact(Line((Span(f"connection {connection.index}   {ends}   ", Tone.DIM), state(connection))))
    if connection.diagnosis is not None:
        yield ConnectionFact(why_line(connection.diagnosis))
    if connection.is_encrypted:
        yield from (ConnectionFact(Line((Span(sentence, Tone.WARN),))) for sentence in HOW_TO_GET_KEYS)


def _ends(about: _About) -> Iterator[ConnectionFact]:
    connection, traffic = about.connection, about.traffic
    yield _field("client", Span(str(connection.client), Tone.CLIENT))
    yield _field("server", Span(str(connection.server), Tone.SERVER))
    began = f"{clock(connection.started)}  at {about.at(connection.started)}"
    yield _field("first packet", Span(began))
    if connection.joined_late:
        sentence = "joined late: it began before the capture, so headers and windows may be unknown"
        yield _field("beginning", Span(sentence, Tone.WARN))
    for ending in connection.endings:
        name = "RST" if ending.is_reset else "FIN"
        side = connection.side(ending.source)
        end = f"{name} from the {side}, packet {ending.packet}, after {duration(ending.time - connection.started)}"
        yield _field("ended", Span(end, Tone.WARN if ending.is_reset else Tone.PLAIN))
    if not connection.endings:
        yield _field("latest packet", Span(f"{clock(traffic.last)}  at {about.at(traffic.last)}"))


def _settings(about: _About) -> Iterator[ConnectionFact]:
    client, server = about.ends
    if about.connection.is_encrypted or not (client.frames or server.frames):
        return
    names = [*_DEFAULTS, *(name for name in {**client.settings, **server.settings} if name not in _DEFAULTS)]
    yield _sides("each asks of the other")
    is_certain = not about.connection.joined_late
    for name in names:
        sent_values = [sent.settings.get(name) for sent in (client, server)]
        default = _DEFAULTS.get(name, "") if is_certain else "?"
        values = [default if value is None else f"{value:,}" for value in sent_values]
        yield _both(clean(shortened(name, _TABLE_WIDTH - 1)), values, [value is not None for value in sent_values])


def _streams(about: _About) -> Iterator[ConnectionFact]:
    traffic = about.traffic
    if traffic.calls:
        yield _field("calls", Span(f"{traffic.calls:,}"))
        if traffic.open:
            yield _field("open", Span(f"{traffic.open:,}"))
        for ended, tone in _STATES.items():
            if count := traffic.ended.get(ended):
                yield _field(ended, Span(f"{count:,}", tone))


def _bytes(about: _About) -> Iterator[ConnectionFact]:
    ends = about.ends
    yield _sides()
    yield _both("packets", (f"{sent.packets:,}" for sent in ends))
    if any(sent.repeated for sent in ends):
        yield _both("sent or captured again", (f"{sent.repeated:,}" for sent in ends))
    if any(sent.out_of_order for sent in ends):
        yield _both("out of order", (f"{sent.out_of_order:,}" for sent in ends))
    if any(sent.gaps for sent in ends):
        yield _both("gaps in the capture", (f"{sent.gaps:,}" for sent in ends))
    yield _both("on the wire", (size(sent.wire) for sent in ends))
    if any(sent.frames for sent in ends):
        yield _both("payload of frames", (size(sent.payload) for sent in ends))
        yield _both("payload of DATA", (size(sent.data) for sent in ends))
        for kind in sorted({kind for sent in ends for kind in sent.frames}):
            yield _both(type_name(kind), (f"{sent.frames.get(kind, 0):,}" for sent in ends))


def _round_trips(about: _About) -> Iterator[ConnectionFact]:
    traffic = about.traffic
    if traffic.handshake is not None:
        yield _field("TCP handshake", Span(duration(traffic.handshake)))
    for name, trips in (("PING to ACK", traffic.ping_trips), ("SETTINGS to ACK", traffic.settings_trips)):
        if trips.count:
            yield _field(name, Span(_trips(trips)))


def _trips(trips: RoundTrips) -> str:
    if trips.count == 1:
        return duration(trips.latest)
    spread = f"{duration(trips.least)} to {duration(trips.most)}"
    return f"{duration(trips.mean)} on average of {trips.count:,}, {spread}"


def _windows(about: _About) -> Iterator[ConnectionFact]:
    if any(sent.frames for sent in about.ends):
        for sent in about.ends:
            yield from (
                ConnectionFact(Line((about.arrow(sent), GAP, *spans), 1)) for spans in window_lines(sent.windows)
            )
        for spans, position in stall_facts(about.traffic, about.connection, about.at):
            yield ConnectionFact(Line(spans, 1), position)


def _pings(about: _About) -> Iterator[ConnectionFact]:
    if about.traffic.ping_trips.count > _LATEST:
        yield ConnectionFact(Line((Span(f"the latest {_LATEST} of {about.traffic.ping_trips.count:,}", Tone.DIM),), 1))
    for ping in about.traffic.pings[-_LATEST:]:
        trip = duration(ping.round_trip)
        sent = about.traffic.sent[ping.sender]
        yield ConnectionFact(Line((about.arrow(sent), GAP, Span(f"{about.at(ping.time)}  {trip}")), 1), ping.position)
    for (end, _), (time, position) in list(about.traffic.waiting.items())[-_LATEST:]:
        text = Span(f"{about.at(time)}  no ACK", Tone.WARN)
        yield ConnectionFact(Line((about.arrow(about.traffic.sent[end]), GAP, text), 1), position)


def _goaways(about: _About) -> Iterator[ConnectionFact]:
    for goaway in about.traffic.goaways:
        tone = Tone.PLAIN if goaway.error == "NO_ERROR" else Tone.ERROR
        debug = f"  “{clean(shortened(goaway.debug, _MAX_DEBUG))}”" if goaway.debug else ""
        text = Span(f"{about.at(goaway.time)}  {clean(goaway.error)}{debug}", tone)
        last = Span(f"  last stream {goaway.last_stream}", Tone.DIM)
        yield ConnectionFact(
            Line((about.arrow(about.traffic.sent[goaway.sender]), GAP, text, last), 1), goaway.position
        )
        if goaway.killed:
            yield ConnectionFact(Line((Span(_refused_calls(goaway), Tone.ERROR),), 2), goaway.position)


def _refused_calls(goaway: Goaway) -> str:
    shown = ", ".join(map(str, goaway.killed[:_LATEST]))
    more = ", …" if len(goaway.killed) > _LATEST else ""
    return f"refused {counted(len(goaway.killed), 'call')}, which may be sent again: stream {shown}{more}"


def _resets(about: _About) -> Iterator[ConnectionFact]:
    traffic = about.traffic
    most = sorted(traffic.reset_counts.items(), key=itemgetter(1), reverse=True)
    for (end, error), count in most[:_LATEST]:
        text = Span(f"{clean(error)}  {counted(count, 'time')}", Tone.PLAIN)
        yield ConnectionFact(Line((about.arrow(traffic.sent[end]), GAP, text), 1))
    for reset in traffic.resets[-_LATEST:]:
        text = Span(f"{about.at(reset.time)}  stream {reset.stream}  {clean(reset.error)}")
        yield ConnectionFact(Line((about.arrow(traffic.sent[reset.sender]), GAP, text), 2), reset.position)


_SECTIONS: Final[dict[str, _Section]] = {
    "": _title,
    "Ends": _ends,
    "Settings": _settings,
    "Streams": _streams,
    "Bytes and frames": _bytes,
    "Round trips": _round_trips,
    "Flow control": _windows,
    "PING": _pings,
    "GOAWAY": _goaways,
    "RST_STREAM": _resets,
}
