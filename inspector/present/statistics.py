"""Statistics of a capture as lines: tables, plots, conversations."""

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
_LEAST: Final = 12

Row: TypeAlias = Sequence[Span]


def table(
    titles: Sequence[str], rows: Sequence[Row], width: int, *, left: int = 1, optional: Sequence[int] = ()
) -> Iterator[Line]:
    """A line of titles and one of each row.

    The first `left` columns stand left. Where room is scarce, `optional` columns are left out, the first of them
    first; then those at the left show their ends only.
    """
    widths = [max(len(title), *(len(row[index].text) for row in rows), 0) for index, title in enumerate(titles)]
    shown = list(range(len(titles)))
    for index in optional:
        if _over(widths, shown, width) > 0:
            shown.remove(index)
    for index in sorted(range(left), key=lambda index: -widths[index]):
        widths[index] -= min(max(_over(widths, shown, width), 0), max(widths[index] - _LEAST, 0))
    for row in ([Span(title, Tone.DIM) for title in titles], *rows):
        yield Line(tuple(_cell(row[index], widths[index], index, left) for index in shown))


def _over(widths: Sequence[int], shown: Sequence[int], width: int) -> int:
    """How many cells there are too many."""
    return sum(widths[index] + _GAP for index in shown) - _GAP - width


def _cell(cell: Span, width: int, index: int, left: int) -> Span:
    text = cell.text if len(cell.text) <= width else "…" + cell.text[1 - width :]
    gap = " " * _GAP if index else ""
    return Span(gap + (text.ljust(width) if index < left else text.rjust(width)), cell.tone)


_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_LABEL: Final = 12
"""Cells for what stands at the left of a plot."""


def spark(values: Sequence[float]) -> str:
    """Values as one character each; something is seen of every value that is not nothing."""
    most = max(values, default=0)
    return "".join(_BLOCKS[_eighths(value, most, 8)] for value in values)


def plot(
    counts: Sequence[int], width: float, room: int, height: int, label: Callable[[float], str], tone: Tone
) -> Iterator[Line]:
    """Rates over time: `counts` are of `width` seconds each; `room` and `height` are cells, `label` names a rate."""
    columns, each = _gathered(counts, room - _LABEL - 1)
    most, seconds = max(columns, default=0), width * each
    cells = _cells_each(len(columns), room)
    names = {height - 1: label(most / seconds), height // 2 - 1: label(most / seconds * (height // 2) / height)}
    for row in reversed(range(height)):
        bars = (_BLOCKS[min(max(_eighths(count, most, height * 8) - row * 8, 0), 8)] * cells for count in columns)
        edge = "┤" if row in names else "│"
        yield Line((Span(f"{names.get(row, ''):>{_LABEL}}{edge}", Tone.DIM), Span("".join(bars), tone)))
    yield Line((Span(f"{'0':>{_LABEL}}└" + "─" * (len(columns) * cells), Tone.DIM),))


def axis(start: str, end: str, counts: int, room: int) -> Line:
    """What stands below plots of so many counts."""
    columns = len(_gathered(range(counts), room - _LABEL - 1)[0])
    gap = max(columns * _cells_each(columns, room) - len(start) - len(end), 1)
    return Line((Span(" " * (_LABEL + 1) + start + " " * gap + end, Tone.DIM),))


def _gathered(counts: Sequence[int], columns: int) -> tuple[list[int], int]:
    """Counts in at most so many columns, each the sum of equally many of them; and how many those are."""
    each = max(-(-len(counts) // max(columns, 1)), 1)
    return [sum(counts[at : at + each]) for at in range(0, len(counts), each)], each


def _cells_each(columns: int, room: int) -> int:
    """How wide each column is drawn where there are few."""
    return max((room - _LABEL - 1) // max(columns, 1), 1)


def _eighths(value: float, most: float, whole: int) -> int:
    return max(round(value / most * whole), 1) if value else 0


_NOTHING: Final = Line((Span("No frame has come yet.", Tone.DIM),))
_CONVERSATIONS_SHOWN: Final = 500
_NOT_NEEDED: Final = (4, 5)
"""Columns of conversations that are left out first: packets."""
_SPARKS: Final = 24
_HISTOGRAMS, _WIDEST = 20, 100
"""Methods that have a histogram, those of the most calls; cells of a line of one."""
_SHORTEST: Final = 1e-6


def type_lines(store: Store, width: int) -> Iterator[Line]:
    """How many frames of each type went each way."""
    ways: dict[int, list[int]] = {}
    for connection, traffic in _conversations(store):
        for way, end in enumerate((connection.client, connection.server)):
            for kind, count in traffic.sent[end].frames.items():
                ways.setdefault(kind, [0, 0])[way] += count
    total = sum(map(sum, ways.values()))
    if not total:
        yield _NOTHING
        return
    rows = [
        _type_row(type_name(kind), ways[kind], total)
        for kind in sorted(ways, key=lambda kind: (-sum(ways[kind]), kind))
    ]
    sums = [sum(way) for way in zip(*ways.values(), strict=True)]
    yield from table(("Type", "→Client", "←Server", "Both", "Share"), [*rows, _type_row("all", sums, total)], width)


def _type_row(name: str, ways: Sequence[int], total: int) -> Row:
    sent, got = ways
    return (
        Span(name),
        Span(f"{sent:,}" if sent else "", Tone.CLIENT),
        Span(f"{got:,}" if got else "", Tone.SERVER),
        Span(f"{sent + got:,}"),
        Span(share((sent + got) / total), Tone.DIM),
    )


def time_lines(timeline: Timeline, width: int, height: int) -> Iterator[Line]:
    """Calls, frames and bytes a second over the time of the capture, each plot so many lines high."""
    if timeline.start is None:
        yield _NOTHING
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
class _Talk:
    """What one client, or all clients of one host, and a server said to each other."""

    client: str
    server: str
    packets: list[int]
    octets: list[int]
    calls: int
    began: float
    last: float
    connections: int = 1

    def add(self, other: _Talk) -> None:
        for way in (0, 1):
            self.packets[way] += other.packets[way]
            self.octets[way] += other.octets[way]
        self.calls += other.calls
        self.connections += other.connections
        self.began, self.last = min(self.began, other.began), max(self.last, other.last)


def conversation_lines(store: Store, width: int) -> Iterator[Line]:
    """Who spoke with whom: each client host with each server first, then every connection, the largest first."""
    talks = {connection.index: _talk(connection, traffic) for connection, traffic in _conversations(store)}
    if not talks:
        yield _NOTHING
        return
    pairs: dict[tuple[str, str], _Talk] = {}
    for index, talk in talks.items():
        host = store.connections[index].client.host
        pairs.setdefault(
            (host, talk.server), _Talk(host, talk.server, [0, 0], [0, 0], 0, talk.began, talk.last, 0)
        ).add(talk)
    titles = ("Client", "Server", "Conns", "Calls", "→Packets", "←Packets", "→Bytes", "←Bytes", "Time")
    yield from table(
        titles,
        [_talk_row(talk, f"{talk.connections:,}") for talk in _largest(pairs.values())],
        width,
        left=2,
        optional=_NOT_NEEDED,
    )
    yield Line()
    names = {id(talk): f"{index}" for index, talk in talks.items()}
    shown = _largest(talks.values())
    yield from table(
        (*titles[:2], "№", *titles[3:]),
        [_talk_row(talk, names[id(talk)]) for talk in shown],
        width,
        left=2,
        optional=_NOT_NEEDED,
    )
    if len(shown) < len(talks):
        yield Line((Span(f"… and {len(talks) - len(shown):,} smaller ones", Tone.DIM),))


def _largest(talks: Iterable[_Talk]) -> list[_Talk]:
    return sorted(talks, key=lambda talk: -sum(talk.octets))[:_CONVERSATIONS_SHOWN]


def _talk(connection: Connection, traffic: Traffic) -> _Talk:
    ends = traffic.sent[connection.client], traffic.sent[connection.server]
    return _Talk(
        str(connection.client),
        str(connection.server),
        [end.packets for end in ends],
        [end.wire for end in ends],
        traffic.calls,
        traffic.began,
        traffic.last,
    )


def _talk_row(talk: _Talk, number: str) -> Row:
    return (
        Span(talk.client, Tone.CLIENT),
        Span(talk.server, Tone.SERVER),
        Span(number, Tone.DIM),
        Span(f"{talk.calls:,}"),
        Span(f"{talk.packets[0]:,}", Tone.CLIENT),
        Span(f"{talk.packets[1]:,}", Tone.SERVER),
        Span(size(talk.octets[0]), Tone.CLIENT),
        Span(size(talk.octets[1]), Tone.SERVER),
        Span(duration(talk.last - talk.began), Tone.DIM),
    )


def method_lines(methods: Mapping[str, MethodTotal], width: int) -> Iterator[Line]:
    """How long the calls of each method took: percentiles, their distribution on a scale that all share, histograms."""
    if not methods:
        yield Line((Span("No call has come yet.", Tone.DIM),))
        return
    edges = _scale(methods.values())
    rows = [_method_row(path, methods[path], edges) for path in sorted(methods)]
    yield from table(("Method", "Calls", "Errors", "p50", "p95", "p99", "Distribution"), rows, width)
    if edges:
        yield Line()
        yield Line((Span(f"The distributions go from {duration(edges[0])} to {duration(edges[-1])}.", Tone.DIM),))
    over = [path for path in methods if methods[path].durations.count]
    for path in sorted(over, key=lambda path: -methods[path].calls)[:_HISTOGRAMS]:
        yield from (Line(), Line((Span(clean(path)),)), *histogram(methods[path].durations, min(width, _WIDEST)))


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
    """Limits of ranges, each as many times the one before, around all durations; none where no call is over."""
    ends = [total.durations.percentiles(0.0, 1.0) for total in totals]
    known = [max(each, _SHORTEST) for pair in ends for each in pair]
    if not known:
        return []
    low, high = floor(log10(min(known)) * 3), ceil(log10(max(known)) * 3 + 0.001)
    step = max(-(-(high - low) // _SPARKS), 1)
    return [10 ** (each / 3) for each in range(low, high + step, step)]


def _conversations(store: Store) -> Iterator[tuple[Connection, Traffic]]:
    return ((connection, store.traffic(index)) for index, connection in store.connections.items())
