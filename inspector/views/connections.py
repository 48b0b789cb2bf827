"""What a row of the Connections list says, and a line of the headless `connections`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from inspector.model.connection import Connection
from inspector.model.traffic import Goaway, Traffic
from inspector.store.store import Store
from inspector.views.spans import Span, Tone, joined
from inspector.views.text import clean, counted, shortened, size
from inspector.views.times import Times, duration

_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """A row of the Connections list."""

    index: int
    start: str
    client: str
    server: str
    calls: str
    """`43`, or `43  2 open`."""
    sent: str
    """Bytes on the wire from the client, as people read them."""
    got: str
    round_trip: str
    """The mean of its PINGs, else its TCP handshake; empty without either."""
    state: tuple[Span, ...]
    """`open`, `closed`, `reset`, `TLS`."""
    info: tuple[Span, ...]
    """What is not as it should be, or worth a look."""


def connection_row(store: Store, index: int, times: Times) -> ConnectionRow:
    """The row of a connection."""
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


def state(connection: Connection) -> Span:
    """How a connection is, in a word."""
    if connection.is_sealed:
        return Span("TLS", Tone.WARN)
    if connection.why is not None:
        return Span("failed", Tone.ERROR)
    if not connection.endings:
        return Span("open", Tone.OK)
    return Span("reset", Tone.WARN) if connection.endings[0].is_reset else Span("closed", Tone.DIM)


def _info(connection: Connection, traffic: Traffic) -> Iterator[tuple[Span, ...]]:
    if connection.is_sealed:
        yield (Span("cannot be read without its keys", Tone.WARN),)
    if connection.why is not None:
        yield (Span(clean(shortened(connection.why.sentence, _LONGEST)), Tone.ERROR),)
    if connection.joined_late:
        yield (Span("joined late", Tone.WARN),)
    if gaps := sum(sent.gaps for sent in traffic.sent.values()):
        yield (Span(counted(gaps, "gap"), Tone.WARN),)
    if said := most_telling(traffic):
        yield (_goaway(said),)
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


def most_telling(traffic: Traffic) -> Goaway | None:
    """The GOAWAY that gives a reason, else the first."""
    goaways = traffic.goaways
    return next((each for each in goaways if each.error != "NO_ERROR"), goaways[0] if goaways else None)


def _goaway(said: Goaway) -> Span:
    words = " ".join(part for part in ("GOAWAY", said.error, shortened(said.debug, 60)) if part)
    return Span(clean(words), Tone.DIM if said.error == "NO_ERROR" else Tone.ERROR)
