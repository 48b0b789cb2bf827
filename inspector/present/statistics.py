"""Shows the statistics of a capture: tables, plots over time, conversations, and the durations of methods."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Final, TypeAlias

from inspector.model.connection import Connection, Traffic
from inspector.model.frame import type_name
from inspector.present.latency import histogram, percentiles, share
from inspector.present.spans import Line, Span, Tone
from inspector.present.times import clock
from inspector.store.stats import MethodTotal, Timeline
from inspector.store.store import Store
from inspector.text import clean, counted, duration, size

_GAP: Final = 2
"""Cells between columns."""
_MIN_WIDTH: Final = 12
"""Cells that a column at the left keeps."""

Row: TypeAlias = Sequence[Span]


def table(
    titles: Sequence[str], rows: Sequence[Row], width: int, *, left: int = 1, optional: Sequence[int] = ()
) -> Iterator[Line]:
    """Yield a line of titles and one for each row.

    The first `left` columns are aligned to the left. If there is not enough room, `optional` columns are dropped in
    their order; then those at the left lose their beginnings.
    """
    widths = [max(len(title), *(len(row[index].text) for row in rows), 0) for index, title in enumerate(titles)]
    shown = list(range(len(titles)))
    for index in optional:
        if _excess(widths, shown, width) > 0:
            shown.remove(index)
    for index in sorted(range(left), key=lambda index: -widths[index]):
        widths[index] -= min(max(_excess(widths, shown, width), 0), max(widths[index] - _MIN_WIDTH, 0))
    for row in ([Span(title, Tone.DIM) for title in titles], *rows):
        yield Line(tuple(_cell(row[index], widths[index], index, left) for index in shown))


def _excess(widths: Sequence[int], shown: Sequence[int], width: int) -> int:
    """Return by how many cells a table is too wide."""
    return sum(widths[index] + _GAP for index in shown) - _GAP - width


def _cell(cell: Span, width: int, index: int, left: int) -> Span:
    text = cell.text if len(cell.text) <= width else "…" + cell.text[1 - width :]
    gap = " " * _GAP if index else ""
    return Span(gap + (text.ljust(width) if index < left else text.rjust(width)), cell.tone)


_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_LABEL: Final = 12
"""Cells for the labels at the left of a plot."""


def spark(values: Sequence[float]) -> str:
    """Return a character for each value; only that of zero is blank."""
    most = max(values, default=0)
    return "".join(_BLOCKS[_eighths(value, most, 8)] for value in values)


def plot(
    counts: Sequence[int], width: float, room: int, height: int, label: Callable[[float], str], tone: Tone
) -> Iterator[Line]:
    """Yield a plot of rates: `counts` are for `width` seconds, `room` and `height` are cells, `label` names a rate."""
    columns, counts_each = _gathered(counts, room - _LABEL - 1)
    highest, seconds = max(columns, default=0), width * counts_each
    cells = _cells_each(len(columns), room)
    names = {height - 1: label(highest / seconds), height // 2 - 1: label(highest / seconds * (height // 2) / height)}
    for row in reversed(range(height)):
        bars = (_BLOCKS[min(max(_eighths(count, highest, height * 8) - row * 8, 0), 8)] * cells for count in columns)
        edge = "┤" if row in names else "│"
        yield Line((Span(f"{names.get(row, ''):>{_LABEL}}{edge}", Tone.DIM), Span("".join(bars), tone)))
    yield Line((Span(f"{'0':>{_LABEL}}└" + "─" * (len(columns) * cells), Tone.DIM),))


def axis(start: str, end: str, counts: int, room: int) -> Line:
    """Return the time axis below plots of so many counts."""
    columns = len(_gathered(range(counts), room - _LABEL - 1)[0])
    gap = max(columns * _cells_each(columns, room) - len(start) - len(end), 1)
    return Line((Span(" " * (_LABEL + 1) + start + " " * gap + end, Tone.DIM),))


def _gathered(counts: Sequence[int], columns: int) -> tuple[list[int], int]:
    """Sum counts up so that at most `columns` are left; return them, and how many counts each one sums up."""
    each = max(-(-len(counts) // max(columns, 1)), 1)
    return [sum(counts[at : at + each]) for at in range(0, len(counts), each)], each


def _cells_each(columns: int, room: int) -> int:
    """Return how wide to draw each column if there are few."""
    return max((room - _LABEL - 1) // max(columns, 1), 1)


def _eighths(value: float, most: float, whole: int) -> int:
    return max(round(value / most * whole), 1) if value else 0


_NO_FRAMES: Final = Line((Span("No frames yet.", Tone.DIM),))
_MAX_CONVERSATIONS: Final = 500
_OPTIONAL: Final = (4, 5)
"""The columns of conversations that are dropped first: packets."""
_MAX_RANGES: Final = 24
"""Characters of a distribution in a row."""
_MAX_HISTOGRAMS: Final = 20
"""Methods with a histogram: those with the most calls."""
_MAX_HISTOGRAM_WIDTH: Final = 100
_MIN_DURATION: Final = 1e-6
"""Seconds; shorter durations count as this on the logarithmic scale."""


def type_lines(store: Store, width: int) -> Iterator[Line]:
    """Yield the number of frames of each type in each direction."""
    ways: dict[int, list[int]] = {}
    for connection, traffic in _conversations(store):
        for way, end in enumerate((connection.client, connection.server)):
            for kind, count in traffic.sent[end].frames.items():
                ways.setdefault(kind, [0, 0])[way] += count
    total = sum(map(sum, ways.values()))
    if not total:
        yield _NO_FRAMES
        return
    rows = [
        _type_row(type_name(kind), ways[kind], total)
        for kind in sorted(ways, key=lambda kind: (-sum(ways[kind]), kind))
    ]
    sums = [sum(way) for way in zip(*ways.values(), strict=True)]
    yield from table(("Type", "→Client", "←Server", "Both", "Share"), [*rows, _type_row("all", sums, total)], width)


def _type_row(name: str, ways: Sequence[int], total: int) -> Row:
    sent, received = ways
    return (
        Span(name),
        Span(f"{sent:,}" if sent else "", Tone.CLIENT),
        Span(f"{received:,}" if received else "", Tone.SERVER),
        Span(f"{sent + received:,}"),
        Span(share((sent + received) / total), Tone.DIM),
    )


def time_lines(timeline: Timeline, width: int, height: int) -> Iterator[Line]:
    """Yield plots of calls, frames and bytes per second over the time of the capture, each `height` lines high."""
    if timeline.start is None:
        yield _NO_FRAMES
        return
    seconds = len(timeline.frames) * timeline.width
    for title, counts, label, tone in (
        (f"{counted(sum(timeline.calls), 'call')} began", timeline.calls, _rate, Tone.CLIENT),
        (f"{counted(sum(timeline.frames), 'frame')}", timeline.frames, _rate, Tone.PLAIN),
        (
            f"{size(sum(timeline.octets))} of HTTP/2",
            timeline.octets,
            lambda rate: f"{size(round(rate))}/s",
            Tone.SERVER,
        ),
    ):
        yield Line((Span(title), Span(" in " + duration(seconds), Tone.DIM)))
        yield from plot(counts, timeline.width, width, height, label, tone)
    yield axis(clock(timeline.start), clock(timeline.start + seconds), len(timeline.frames), width)


def _rate(rate: float) -> str:
    return f"{rate:,.0f}/s" if rate >= 9.95 else f"{rate:.1f}/s"


@dataclass(slots=True)
class _Conversation:
    """The traffic between one client, or all clients of one host, and a server."""

    client: str
    server: str
    packets: list[int]
    octets: list[int]
    calls: int
    began: float
    last: float
    connections: int = 1

    def add(self, other: _Conversation) -> None:
        for way in (0, 1):
            self.packets[way] += other.packets[way]
            self.octets[way] += other.octets[way]
        self.calls += other.calls
        self.connections += other.connections
        self.began, self.last = min(self.began, other.began), max(self.last, other.last)


def conversation_lines(store: Store, width: int) -> Iterator[Line]:
    """Yield the traffic of each client host with each server, then of each connection, the largest first."""
    conversations = {
        connection.index: _conversation(connection, traffic) for connection, traffic in _conversations(store)
    }
    if not conversations:
        yield _NO_FRAMES
        return
    pairs: dict[tuple[str, str], _Conversation] = {}
    for index, conversation in conversations.items():
        host = store.connections[index].client.host
        pairs.setdefault(
            (host, conversation.server),
            _Conversation(host, conversation.server, [0, 0], [0, 0], 0, conversation.began, conversation.last, 0),
        ).add(conversation)
    titles = ("Client", "Server", "Conns", "Calls", "→Packets", "←Packets", "→Bytes", "←Bytes", "Time")
    yield from table(
        titles,
        [_conversation_row(conversation, f"{conversation.connections:,}") for conversation in _largest(pairs.values())],
        width,
        left=2,
        optional=_OPTIONAL,
    )
    yield Line()
    names = {id(conversation): f"{index}" for index, conversation in conversations.items()}
    shown = _largest(conversations.values())
    yield from table(
        (*titles[:2], "№", *titles[3:]),
        [_conversation_row(conversation, names[id(conversation)]) for conversation in shown],
        width,
        left=2,
        optional=_OPTIONAL,
    )
    if len(shown) < len(conversations):
        yield Line((Span(f"… and {len(conversations) - len(shown):,} smaller ones", Tone.DIM),))


def _largest(conversations: Iterable[_Conversation]) -> list[_Conversation]:
    return sorted(conversations, key=lambda conversation: -sum(conversation.octets))[:_MAX_CONVERSATIONS]


def _conversation(connection: Connection, traffic: Traffic) -> _Conversation:
    ends = traffic.sent[connection.client], traffic.sent[connection.server]
    return _Conversation(
        str(connection.client),
        str(connection.server),
        [end.packets for end in ends],
        [end.wire for end in ends],
        traffic.calls,
        traffic.began,
        traffic.last,
    )


def _conversation_row(conversation: _Conversation, number: str) -> Row:
    return (
        Span(conversation.client, Tone.CLIENT),
        Span(conversation.server, Tone.SERVER),
        Span(number, Tone.DIM),
        Span(f"{conversation.calls:,}"),
        Span(f"{conversation.packets[0]:,}", Tone.CLIENT),
        Span(f"{conversation.packets[1]:,}", Tone.SERVER),
        Span(size(conversation.octets[0]), Tone.CLIENT),
        Span(size(conversation.octets[1]), Tone.SERVER),
        Span(duration(conversation.last - conversation.began), Tone.DIM),
    )


def method_lines(methods: Mapping[str, MethodTotal], width: int) -> Iterator[Line]:
    """Yield how long the calls of each method took: percentiles, distributions on a common scale, histograms."""
    if not methods:
        yield Line((Span("No calls yet.", Tone.DIM),))
        return
    edges = _scale(methods.values())
    rows = [_method_row(path, methods[path], edges) for path in sorted(methods)]
    yield from table(("Method", "Calls", "Errors", "p50", "p95", "p99", "Distribution"), rows, width)
    if edges:
        yield Line()
        yield Line((Span(f"The distributions go from {duration(edges[0])} to {duration(edges[-1])}.", Tone.DIM),))
    over = [path for path in methods if methods[path].durations.count]
    for path in sorted(over, key=lambda path: -methods[path].calls)[:_MAX_HISTOGRAMS]:
        yield from (
            Line(),
            Line((Span(clean(path)),)),
            *histogram(methods[path].durations, min(width, _MAX_HISTOGRAM_WIDTH)),
        )


def _method_row(path: str, total: MethodTotal, edges: list[float]) -> Row:
    figures = percentiles(total.durations) or ("", "", "")
    counts = total.durations.counts(edges) if edges else []
    return (
        Span(clean(path)),
        Span(f"{total.calls:,}"),
        Span(f"{total.errors:,}", Tone.ERROR if total.errors else Tone.DIM),
        *(Span(figure) for figure in figures),
        Span(spark(counts).ljust(len(edges)), Tone.SERVER),
    )


def _scale(totals: Iterable[MethodTotal]) -> list[float]:
    """Return the limits of ranges on a logarithmic scale around all durations; none if no call has ended."""
    ends = [total.durations.percentiles(0.0, 1.0) for total in totals]
    known = [max(each, _MIN_DURATION) for pair in ends for each in pair]
    if not known:
        return []
    low, high = floor(log10(min(known)) * 3), ceil(log10(max(known)) * 3 + 0.001)
    step = max(-(-(high - low) // _MAX_RANGES), 1)
    return [10 ** (each / 3) for each in range(low, high + step, step)]


def _conversations(store: Store) -> Iterator[tuple[Connection, Traffic]]:
    return ((connection, store.traffic(index)) for index, connection in store.connections.items())
