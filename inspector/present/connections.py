"""Makes the rows of the Connections list, with its columns, and describes flow-control windows."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from itertools import islice
from math import inf
from typing import Final

from inspector.model.connection import Connection, Goaway, Stall, Traffic, Windows
from inspector.present.columns import Column, ColumnTable, Printed, dim
from inspector.present.spans import ARROWS, GAP, SIDE_TONES, Span, Tone, joined
from inspector.present.times import Times
from inspector.store.store import Store
from inspector.text import clean, counted, duration, shortened, size

_MAX_WINDOWS: Final = 12
"""Windows of open streams that are listed."""
_MAX_STALLS: Final = 40
_MAX_CLOSED_WINDOWS: Final = 3
"""Windows that are named in the line of a pause."""
_UNKNOWN: Final = Span("not known", Tone.UNKNOWN)


def window_lines(windows: Windows) -> Iterator[tuple[Span, ...]]:
    """Yield what one end may still send: on the connection, on a new stream, on open streams."""
    left = windows.connection()
    yield (Span("may send "), _room(left), Span(" on the connection; a new stream begins with "), _initial(windows))
    known = ((stream, room) for stream in windows.offsets if (room := windows.stream(stream)) is not None)
    moved = [(stream, room) for stream, room in known if room != windows.initial]
    for stream, room in islice(moved, _MAX_WINDOWS):
        yield (Span(f"stream {stream} may send "), _room(room))
    if len(moved) > _MAX_WINDOWS:
        yield (Span(f"and {counted(len(moved) - _MAX_WINDOWS, 'more stream')} that used theirs", Tone.DIM),)
    if unknown := sum(not windows.knows(stream) for stream in windows.offsets):
        yield (Span(f"{counted(unknown, 'open stream')} with frames that were not captured: ", Tone.DIM), _UNKNOWN)
    if windows.overdrawn:
        text = f"sent {windows.overdrawn:,} B more than a window allowed, as far as the capture shows"
        yield (Span(text, Tone.ERROR),)


def stall_facts(
    traffic: Traffic, connection: Connection, at: Callable[[float], str]
) -> Iterator[tuple[tuple[Span, ...], int]]:
    """Yield when a window was zero, the latest last, each with the position of the frame that used it up."""
    for stall in traffic.stalls[-_MAX_STALLS:]:
        side = connection.side(stall.sender)
        window = f"stream {stall.stream}" if stall.stream else "connection"
        who = Span(f"{ARROWS[side]} {side:<6}", SIDE_TONES[side])
        yield (
            (who, GAP, Span(f"{at(stall.began)}  {window}  at zero "), Span(_how_long(stall), Tone.WARN)),
            stall.position,
        )


def stalls_at(traffic: Traffic, connection: Connection, start: float, end: float) -> Iterator[str]:
    """Yield the windows that were zero during a whole period, the first few of them."""
    lasting = (each for each in traffic.stalls if each.began <= start and end <= _end_of_stall(each))
    for stall in islice(lasting, _MAX_CLOSED_WINDOWS):
        of = f" on stream {stall.stream}" if stall.stream else ""
        yield f"the {connection.side(stall.sender)}'s window at zero{of}"


def _end_of_stall(stall: Stall) -> float:
    ends = (each for each in (stall.ended, stall.broken_off) if each is not None)
    return next(ends, inf)


def _how_long(stall: Stall) -> str:
    if stall.broken_off is not None:
        return f"for at least {duration(stall.broken_off - stall.began)}; then bytes were not captured"
    if stall.ended is None:
        return "since then"
    waited = "" if stall.resumed is None else f", DATA after {duration(stall.resumed - stall.began)}"
    return f"for {duration(stall.ended - stall.began)}{waited}"


def _room(room: int | None) -> Span:
    if room is None:
        return _UNKNOWN
    return Span(f"{room:,} B", Tone.WARN if room <= 0 else Tone.NUMBER)


def _initial(windows: Windows) -> Span:
    return _room(windows.initial) if windows.is_initial_known else _UNKNOWN


_MAX_SENTENCE: Final = 200
"""Characters of a sentence in a row; the widest terminals show about as many."""


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """A row of the Connections list."""

    index: int
    start: str
    client: str
    server: str
    calls: str
    """The number of calls: `43`, or `43  2 open`."""
    sent: str
    """The size of what the client sent on the wire."""
    received: str
    """The size of what the server sent on the wire."""
    round_trip: str
    """The mean of its PINGs, else that of the TCP handshake; empty without either."""
    state: tuple[Span, ...]
    """`open`, `closed`, `reset`, `failed` or `TLS`."""
    info: tuple[Span, ...]
    """What went wrong or is uncertain."""


def connection_row(store: Store, index: int, times: Times) -> ConnectionRow:
    """Return the row of a connection."""
    connection, traffic = store.connections[index], store.traffic(index)
    ends = traffic.sent[connection.client], traffic.sent[connection.server]
    trip = traffic.ping_trips.mean if traffic.ping_trips.count else traffic.handshake
    return ConnectionRow(
        index,
        times.show(connection.started),
        str(connection.client),
        str(connection.server),
        f"{traffic.calls:,}" + (f"  {traffic.open:,} open" if traffic.open else ""),
        size(ends[0].wire),
        size(ends[1].wire),
        "" if trip is None else duration(trip),
        (state(connection),),
        joined(_info(connection, traffic)),
    )


def _traffic(store: Store, index: int) -> Hashable:
    """Return what changes with every packet."""
    traffic = store.traffic(index)
    return store.connections[index], traffic.last, sum(sent.packets for sent in traffic.sent.values())


# fmt: off
CONNECTION_COLUMNS: Final = ColumnTable(
    Column("№", lambda row: (Span(f"{row.index}"),), least=2, most=8, right=True, printed=Printed(4)),
    Column("Start", lambda row: dim(row.start), least=6, most=12, right=True, gap=2, is_extra=True,
           printed=Printed(10)),
    Column("Client", lambda row: (Span(row.client, Tone.CLIENT),), least=12, most=28, gap=2, printed=Printed()),
    Column("Server", lambda row: (Span(row.server, Tone.SERVER),), least=12, most=28, printed=Printed(gap=" → ")),
    Column("State", lambda row: row.state, least=6, most=6, depends_on=(_traffic,), printed=Printed(6)),
    Column("Calls", lambda row: (Span(row.calls),), least=5, most=14, right=True,
           depends_on=(_traffic,), printed=Printed(6)),
    Column("→Bytes", lambda row: (Span(row.sent, Tone.CLIENT),), least=7, most=9, right=True,
           depends_on=(_traffic,), printed=Printed(9, title="Sent")),
    Column("←Bytes", lambda row: (Span(row.received, Tone.SERVER),), least=7, most=9, right=True,
           depends_on=(_traffic,), printed=Printed(9, title="Got")),
    Column("RTT", lambda row: dim(row.round_trip), least=6, most=10, right=True,
           depends_on=(_traffic,), printed=Printed(8)),
    Column("Info", lambda row: row.info, gap=2, depends_on=(_traffic,), printed=Printed(title="")),
    printed=("№", "Start", "Calls", "→Bytes", "←Bytes", "RTT", "State", "Client", "Server", "Info"),
)
# fmt: on
"""Of a `ConnectionRow`; depends on the index of a connection."""


def state(connection: Connection) -> Span:
    """Return the state of a connection in a word."""
    if connection.is_encrypted:
        return Span("TLS", Tone.WARN)
    if connection.diagnosis is not None:
        return Span("failed", Tone.ERROR)
    if not connection.endings:
        return Span("open", Tone.OK)
    return Span("reset", Tone.WARN) if connection.endings[0].is_reset else Span("closed", Tone.DIM)


def _info(connection: Connection, traffic: Traffic) -> Iterator[tuple[Span, ...]]:
    if connection.is_encrypted:
        yield (Span("cannot be read without its keys", Tone.WARN),)
    if connection.diagnosis is not None:
        yield (Span(clean(shortened(connection.diagnosis.sentence, _MAX_SENTENCE)), Tone.ERROR),)
    if connection.joined_late:
        yield (Span("joined late", Tone.WARN),)
    if gaps := sum(sent.gaps for sent in traffic.sent.values()):
        yield (Span(counted(gaps, "gap"), Tone.WARN),)
    if goaway := most_informative(traffic):
        yield (_goaway(goaway),)
    if resets := sum(traffic.reset_counts.values()):
        yield (Span(counted(resets, "reset"), Tone.WARN),)
    if traffic.stall_count:
        stalled = sum(stall.ended - stall.began for stall in traffic.stalls if stall.ended is not None)
        at_least = "at least " if traffic.stall_count > len(traffic.stalls) else ""
        yield (
            Span(f"window at zero {counted(traffic.stall_count, 'time')}, {at_least}{duration(stalled)}", Tone.WARN),
        )
    if repeated := sum(sent.repeated for sent in traffic.sent.values()):
        yield (Span(f"{repeated:,} sent again", Tone.DIM),)


def most_informative(traffic: Traffic) -> Goaway | None:
    """Return the first GOAWAY with an error, else the first; None without any."""
    goaways = traffic.goaways
    return next((each for each in goaways if each.error != "NO_ERROR"), goaways[0] if goaways else None)


def _goaway(goaway: Goaway) -> Span:
    text = " ".join(part for part in ("GOAWAY", goaway.error, shortened(goaway.debug, 60)) if part)
    return Span(clean(text), Tone.DIM if goaway.error == "NO_ERROR" else Tone.ERROR)
