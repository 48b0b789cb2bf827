"""Makes the rows of the Methods list, with its columns, and shows how long the calls of a method took."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from math import floor, log10
from typing import Final

from inspector.present.columns import Column, ColumnTable, Printed, dim, received, sent
from inspector.present.spans import GAP, Line, Span, Tone, dotted
from inspector.schema.catalog import Catalog
from inspector.store.stats import MAX_EXACT, UNKNOWN, Durations, MethodTotal
from inspector.text import clean, counted, duration, size

PERCENTILES: Final = (0.5, 0.95, 0.99)
_NAMES: Final = ("p50", "p95", "p99")
_COARSE: Final = (1.0, 2.0, 5.0)
_FINE: Final = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
_COARSE_FROM: Final = 30.0
"""The ratio of the longest to the shortest duration from which ranges are coarse, so that they fit on a screen."""
_MIN_EDGE: Final = 1e-6
"""Seconds; below it, the first range begins at 0."""
_EIGHTHS: Final = "▏▎▍▌▋▊▉█"
_LABEL: Final = 8
_FIGURES: Final = 15
"""Cells of the count and the share of a range."""
_BESIDES: Final = 31
"""Cells of a line of the histogram besides its label and bar: count, share, and marks of percentiles."""


@dataclass(frozen=True, slots=True)
class MethodRow:
    """A row of the Methods list."""

    method: str
    kind: str
    """Empty without a schema."""
    calls: int
    open: int
    errors: int
    rate: str
    """The share of errors among ended calls: `12.5 %`; empty if none has ended."""
    percentiles: tuple[str, ...]
    """p50, p95 and p99, with `≈` before estimates; empty if no call has ended."""
    requests: int
    responses: int
    request_bytes: int
    response_bytes: int


def method_row(total: MethodTotal, path: str, catalog: Catalog) -> MethodRow:
    """Return the row of a method."""
    known = catalog.method(path)
    return MethodRow(
        clean(path),
        known.kind.replace("_", " ") if known else "",
        total.calls,
        total.open,
        total.errors,
        "" if total.error_rate is None else share(total.error_rate),
        percentiles(total.durations),
        total.requests,
        total.responses,
        total.request_bytes,
        total.response_bytes,
    )


def _error(row: MethodRow, text: object) -> tuple[Span, ...]:
    return (Span(f"{text}", Tone.ERROR if row.errors else Tone.DIM),)


def _percentile(index: int) -> Column:
    """Return the column of one of `PERCENTILES`."""
    return Column(
        _NAMES[index],
        lambda row: (Span(row.percentiles[index]),) if row.percentiles else (),
        least=7,
        most=10,
        right=True,
        gap=1 if index else 2,
        sort_value=lambda total: next(iter(total.durations.percentiles(PERCENTILES[index])), None),
        largest_first=True,
        printed=Printed(label=f"{_NAMES[index]} {{}}"),
    )


# fmt: off
METHOD_COLUMNS: Final = ColumnTable(
    Column("Method", lambda row: (Span(row.method, Tone.UNKNOWN if row.method == UNKNOWN else Tone.PLAIN),),
           least=18, most=70, yields=True, printed=Printed()),
    Column("Kind", lambda row: dim(row.kind), least=5, most=16, gap=2, rank=9),
    Column("Calls", lambda row: (Span(f"{row.calls:,}"),), least=5, most=9, right=True, gap=2,
           sort_value=lambda total: total.calls, largest_first=True, printed=Printed(label="{} calls")),
    Column("Open", lambda row: dim(f"{row.open:,}" if row.open else ""), least=4, most=7, right=True, rank=6,
           sort_value=lambda total: total.open, largest_first=True),
    Column("Errors", lambda row: _error(row, f"{row.errors:,}"), least=6, most=9, right=True, rank=2,
           sort_value=lambda total: total.errors, largest_first=True, printed=Printed(label="{} errors")),
    Column("Rate", lambda row: _error(row, row.rate), least=6, most=6, right=True,
           sort_value=lambda total: total.error_rate, largest_first=True, printed=Printed()),
    *map(_percentile, range(len(PERCENTILES))),
    Column("Sent", lambda row: sent(f"{row.requests:,}"), least=4, most=9, right=True, gap=2, rank=4,
           sort_value=lambda total: total.requests, largest_first=True),
    Column("Got", lambda row: received(f"{row.responses:,}"), least=4, most=9, right=True, rank=5,
           sort_value=lambda total: total.responses, largest_first=True),
    Column("→Bytes", lambda row: sent(size(row.request_bytes)), least=6, most=9, right=True, gap=2, rank=7,
           sort_value=lambda total: total.request_bytes, largest_first=True),
    Column("←Bytes", lambda row: received(size(row.response_bytes)), least=6, most=9, right=True, rank=8,
           sort_value=lambda total: total.response_bytes, largest_first=True),
)
# fmt: on
"""Of a `MethodRow`; sorted by a `MethodTotal`, or by the method itself in the first column."""


def share(part: float) -> str:
    """Return a fraction as a percentage: `0 %`, `0.2 %`, `12.5 %`, `100 %`."""
    return f"{part * 100:.1f}".removesuffix(".0") + " %"


def percentiles(durations: Durations) -> tuple[str, ...]:
    """Return p50, p95 and p99 as text, with `≈` before estimates; empty if no call has ended."""
    mark = "" if durations.is_exact else "≈"
    return tuple(mark + duration(each) for each in durations.percentiles(*PERCENTILES))


def latency_lines(total: MethodTotal | None, path: str, width: int) -> tuple[Line, ...]:
    """Return the figures of a method and a histogram of its calls; `width` is that of a line."""
    if total is None:
        return (Line((Span(f"No call of {clean(path)} is left in the capture.", Tone.DIM),)),)
    return (Line((Span(clean(path)),)), *_figures(total), Line(), *histogram(total.durations, width))


def _figures(total: MethodTotal) -> Iterator[Line]:
    ended = total.durations.count
    failed = f"{counted(total.errors, 'error')} ({share(total.error_rate)})" if total.error_rate is not None else ""
    yield Line(
        (
            Span(counted(total.calls, "call")),
            Span(f" · {failed}" if failed else "", Tone.ERROR if total.errors else Tone.DIM),
            Span(f" · {total.open:,} open" if total.open else "", Tone.DIM),
        )
    )
    for arrow, tone, count, octets in (
        ("→", Tone.CLIENT, total.requests, total.request_bytes),
        ("←", Tone.SERVER, total.responses, total.response_bytes),
    ):
        yield Line((Span(f"{arrow} {counted(count, 'message')}", tone), GAP, *dotted((f"{size(octets)} of DATA",))))
    if not ended:
        yield Line((Span("No call has ended yet, so there are no durations.", Tone.DIM),))
        return
    for name, value in zip(_NAMES, percentiles(total.durations), strict=True):
        yield Line((Span(f"{name}  ", Tone.KEY), Span(value)))
    if not total.durations.is_exact:
        yield Line((Span(f"For more than {MAX_EXACT:,} calls, percentiles are estimates within 1 %.", Tone.DIM),))


def histogram(durations: Durations, width: int) -> Iterator[Line]:
    """Yield a histogram of durations, with marks at percentiles; `width` is that of a line."""
    if not durations.count:
        return
    shortest, longest = durations.percentiles(0.0, 1.0)
    edges = _edges(shortest, longest)
    counts, marks = durations.counts(edges), _marks(durations, edges)
    room = max(width - _LABEL - _BESIDES, 8)
    yield Line((Span(f"{'from':>{_LABEL}}", Tone.DIM),))
    for index, (low, count) in enumerate(zip(edges, counts, strict=False)):
        yield Line(
            (
                Span(f"{duration(low):>{_LABEL}} ", Tone.DIM),
                Span(f"{_bar(count / max(counts), room):<{room}}", Tone.SERVER),
                Span(f" {count:>7,} {share(count / durations.count):>6}" if count else " " * _FIGURES),
                Span(f" {marks[index]}" if index in marks else "", Tone.KEY),
            )
        )


def _bar(part: float, room: int) -> str:
    """Return a bar of block characters, to an eighth of a cell; only that of zero is empty."""
    eighths = max(round(part * room * 8), 1) if part else 0
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (_EIGHTHS[rest - 1] if rest else "")


def _marks(durations: Durations, edges: list[float]) -> dict[int, str]:
    marks: dict[int, str] = {}
    for name, value in zip(_NAMES, durations.percentiles(*PERCENTILES), strict=True):
        index = min(max(bisect_right(edges, value) - 1, 0), len(edges) - 2)
        marks[index] = f"{marks[index]} {name}" if index in marks else f"◂ {name}"
    return marks


def _edges(shortest: float, longest: float) -> list[float]:
    """Return round limits of ranges, ascending, from at most the shortest duration to more than the longest."""
    least = max(shortest, _MIN_EDGE)
    steps = _COARSE if longest / least > _COARSE_FROM else _FINE
    power = floor(log10(least)) - 1  # the logarithm of 9.99… may be rounded up to 1
    edges: list[float] = []
    while not edges or edges[-1] <= max(longest, least):
        edges += [step * 10.0**power for step in steps]
        power += 1
    first, last = bisect_right(edges, least) - 1, bisect_right(edges, max(longest, least))
    found = edges[first : last + 1]
    return found if found[0] <= shortest else [0.0, *found[1:]]
