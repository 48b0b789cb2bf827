"""The incremental totals of methods equal sums over all calls."""

from __future__ import annotations

import re
import statistics
from itertools import pairwise
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inspector.http2.events import MethodFound
from inspector.model.call import StreamKey
from inspector.present.latency import latency_lines
from inspector.store.filters.syntax import method_filter, parse
from inspector.store.stats import MAX_EXACT, UNKNOWN, Durations, MethodTotal, MethodTotals, is_error
from inspector.store.store import Store
from tests.conversation import Conversation, SaidPacket, data, headers, hello, packets, request, reset, trailers

SHARES = (0.5, 0.95, 0.99)
seconds = st.floats(1e-6, 1e4)


def wanted_percentiles(durations: list[float]) -> list[float]:
    cuts = statistics.quantiles(durations, n=100, method="inclusive")
    return [cuts[49], cuts[94], cuts[98]]


@given(st.lists(seconds, min_size=2, max_size=200), st.lists(seconds, max_size=50))
def test_percentiles_of_few_durations_are_exact(durations: list[float], taken_back: list[float]) -> None:
    kept = Durations()
    for each in (*durations, *taken_back):
        kept.add(each)
    for each in taken_back:
        kept.remove(each)
    assert kept.is_exact
    assert kept.percentiles(*SHARES) == pytest.approx(wanted_percentiles(durations))


@pytest.mark.parametrize("spread", [0.1, 1, 3])
def test_percentiles_of_many_durations_are_within_one_percent(spread: float) -> None:
    random = Random(7)
    durations = [random.lognormvariate(-5, spread) for _ in range(MAX_EXACT + 500)]
    kept = Durations()
    for each in (*durations, 7.0):
        kept.add(each)
    kept.remove(7.0)
    assert not kept.is_exact
    assert kept.percentiles(*SHARES) == pytest.approx(wanted_percentiles(durations), rel=0.0101)


def test_there_are_no_percentiles_without_durations() -> None:
    kept = Durations()
    assert kept.percentiles(0.5) == []
    kept.add(0.25)
    assert kept.percentiles(*SHARES) == [0.25] * 3


@given(st.lists(st.floats(1e-4, 10), max_size=100), st.lists(st.floats(1e-3, 20), min_size=2, max_size=6, unique=True))
def test_ranges_are_counted(durations: list[float], edges: list[float]) -> None:
    kept = Durations()
    for each in durations:
        kept.add(each)
    edges = sorted(edges)
    ranges = pairwise(edges)
    assert kept.counts(edges) == [sum(low <= each < high for each in durations) for low, high in ranges]


def test_ranges_of_many_are_counted() -> None:
    kept = Durations()
    for index in range(MAX_EXACT + 1):
        kept.add(0.010 if index % 2 else 0.100)
    assert kept.counts([0.001, 0.005, 0.05, 0.5]) == [0, MAX_EXACT // 2, MAX_EXACT // 2 + 1]


def totals_of(totals: MethodTotals) -> dict[tuple[str, int], float]:
    figures = {
        method: (
            total.calls,
            total.open,
            total.errors,
            total.requests,
            total.responses,
            total.request_bytes,
            total.response_bytes,
            *total.durations.percentiles(*SHARES),
        )
        for method, total in totals.methods.items()
    }
    return {(method, index): each for method, row in figures.items() for index, each in enumerate(row)}


def summed(store: Store) -> dict[tuple[str, int], float]:
    found: dict[tuple[str, int], float] = {}
    for method in {call.method or UNKNOWN for call in store.calls.values()}:
        calls = [call for call in store.calls.values() if (call.method or UNKNOWN) == method]
        over = [call for call in calls if call.duration is not None]
        durations = [call.duration for call in over if call.duration is not None]
        row = (
            len(calls),
            len(calls) - len(over),
            sum(map(is_error, over)),
            sum(len(call.requests) for call in calls),
            sum(len(call.responses) for call in calls),
            sum(call.request_bytes for call in calls),
            sum(call.response_bytes for call in calls),
            *(wanted_percentiles(durations * 2 if len(durations) == 1 else durations) if durations else ()),
        )
        found.update(((method, index), each) for index, each in enumerate(row))
    return found


@given(packets(), st.sampled_from((None, "/a.B/C", "/d.E/F")))
def test_incremental_totals_equal_fresh_ones(said: list[SaidPacket], named: str | None) -> None:
    talk = Conversation()
    totals = MethodTotals(talk.store)
    for side, frames, index in said:
        totals.update(talk.store.apply(talk.events(side, *frames, connection=index)))
        assert totals_of(totals) == pytest.approx(summed(talk.store))
    if talk.store.calls:  # a call is named later, by recovery or by the user, or its name is removed
        totals.update(talk.store.apply([MethodFound(next(iter(talk.store.calls)), named, None)]))
        assert totals_of(totals) == pytest.approx(summed(talk.store))


def test_failed_calls_are_errors_and_open_ones_are_not() -> None:
    talk = Conversation()
    talk.greet(1)
    talk.client(request(3), data(3, hello("x")), reset(3))
    talk.client(request(5), request(7), request(9))
    talk.server(trailers(5, 5), headers(7, (":status", "502"), end=True))
    total = MethodTotals(talk.store).methods["/HelloWorld/greet"]
    assert (total.calls, total.open, total.errors, total.error_rate) == (5, 1, 3, 0.75)


def test_bytes_are_those_of_data_frames() -> None:
    talk = Conversation()
    talk.greet(1, "World")
    call = talk.store.calls[StreamKey(0, 1)]
    assert (call.request_bytes, call.response_bytes) == (5 + 7, 5 + 14)


def test_calls_that_the_store_dropped_still_count() -> None:
    talk = Conversation()
    talk.greet(1)
    totals = MethodTotals(talk.store)
    before = totals_of(totals)
    change = talk.store.everything()
    talk.store.calls.clear()
    totals.update(change)
    assert totals_of(totals) == before


@pytest.mark.parametrize("path", ["/a.B/C", '/a.B/"C" D', "/a.B/C D", UNKNOWN])
def test_the_filter_of_a_method_matches_exactly_its_calls(path: str) -> None:
    talk = Conversation()
    for index, each in enumerate(("/a.B/C", "/a.B/CD", "/a.B/C D", '/a.B/"C" D', "/x.Y/Z")):
        talk.client(request(2 * index + 1, each))
    talk.client(headers(99))
    filter_ = parse(method_filter(path))
    found = {call.method or UNKNOWN for call in talk.store.calls.values() if filter_.matches_call(talk.store, call.key)}
    # A quote, and what follows it, cannot be written in a filter.
    wanted = {path} if '"' not in path else {each for each in found if each.startswith("/a.B/")}
    assert found == wanted
    assert path in found


def test_a_histogram_shows_counts_and_percentiles() -> None:
    total = MethodTotal(calls=101, errors=1)
    for seconds in (*[0.0011] * 90, *[0.0031] * 9, 0.25):
        total.durations.add(seconds)
    rows = [line.text.split() for line in latency_lines(total, "/a.B/C", 80)]
    assert rows[1] == ["101", "calls", "·", "1", "error", "(1", "%)", "·", "1", "open"]
    assert rows[4:7] == [["p50", "1.1", "ms"], ["p95", "3.1", "ms"], ["p99", "5.6", "ms"]]
    bars = [(row[:2], row[-4:]) for row in rows[9:]]
    assert bars[0] == (["1.0", "ms"], ["90", "%", "◂", "p50"])
    assert bars[1] == (["2.0", "ms"], ["9", "%", "◂", "p95"])
    assert bars[2] == (["5.0", "ms"], ["5.0", "ms", "◂", "p99"])
    assert (bars[-1][0], bars[-1][1][1:]) == (["200", "ms"], ["1", "1", "%"])


@given(st.lists(st.just(0.0) | seconds, min_size=1, max_size=40), st.integers(20, 120))
@example([9999.999999999998], 80)
@example([0.0], 80)
def test_every_call_is_in_the_histogram(durations: list[float], width: int) -> None:
    total = MethodTotal(calls=len(durations))
    for each in durations:
        total.durations.add(each)
    lines = [line.text for line in latency_lines(total, "/a.B/C", width)]
    bars = lines[lines.index("    from") + 1 :]
    counts = [int(re.search(r" ([\d,]+) +[\d.]+ %", line)[1]) for line in bars if "%" in line]  # type: ignore[index]
    assert sum(counts) == len(durations)
