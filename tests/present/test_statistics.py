"""What a capture adds up to: counted as it comes, and shown on a screen of its own."""

from __future__ import annotations

import json
from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.present.spans import Line, Span, Tone
from inspector.present.statistics import conversation_lines, method_lines, plot, spark, table, time_lines, type_lines
from inspector.store.stats import MAX_BUCKETS, Timeline
from inspector.store.store import Change
from inspector.ui.dialogs.reports import StatisticsScreen
from inspector.ui.widgets.document import Pane
from tests.captures import DATA
from tests.conversation import Conversation
from tests.ui_running import NARROW, WIDE, Running, opened, text

CAPTURE = DATA / "b_full.pcapng"
SIZES = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])


def written(lines: list[Line]) -> str:
    return "\n".join(line.text for line in lines)


def cells(line: str) -> list[str]:
    return line.split()


def greeted(times: int) -> Conversation:
    said = Conversation()
    for stream in range(1, 2 * times, 2):
        said.greet(stream, f"name {stream}")
    return said


def test_a_timeline_is_the_same_however_it_was_told() -> None:
    said = greeted(20)
    at_once = Timeline(said.store)
    other = Conversation()
    told = Timeline(other.store)
    for stream in range(1, 40, 2):
        before = len(other.store.frames)
        other.greet(stream, f"name {stream}")
        told.update(Change(before, len(other.store.frames), calls=frozenset(other.store.calls)))
        told.update(other.store.everything())  # a schema was read again: nothing is counted twice
    assert sum(at_once.frames) == len(said.store.frames)
    assert sum(at_once.calls) == 20
    assert sum(at_once.octets) == sum(frame.length + 9 for frame in said.store.frames)
    assert (at_once.frames, at_once.octets, at_once.calls) == (told.frames, told.octets, told.calls)


def test_a_timeline_widens_and_loses_nothing() -> None:
    said = greeted(1)
    line = Timeline(said.store)
    frames = len(said.store.frames)
    for days in (0.0001, 0.01, 1, 30):
        last = said.store.frames[-1]
        frame = msgspec.structs.replace(last, time=last.time + 86_400 * days)
        said.store.frames.append(frame)
        frames += 1
        line.update(Change(frames - 1, frames))
        assert len(line.frames) <= MAX_BUCKETS
        assert sum(line.frames) == frames
        assert sum(line.calls) == 1
    assert len(line.frames) * line.width >= 86_400 * 31


@given(st.lists(st.integers(0, 10**9), max_size=300), st.integers(20, 200), st.integers(1, 20))
def test_a_plot_fits_its_room_and_shows_all_that_is_something(counts: list[int], room: int, height: int) -> None:
    lines = list(plot(counts, 0.5, room, height, lambda rate: f"{rate:.0f}"[:8], Tone.PLAIN))
    assert len(lines) == height + 1
    assert all(len(line.text) <= room for line in lines)
    assert (set(lines[height - 1].spans[1].text) <= {" "}) is not any(counts)


def test_sparks_show_all_that_is_something() -> None:
    assert spark([0, 1, 500, 1000]) == " ▁▄█"
    assert spark([]) == ""


def test_a_table_leaves_out_and_cuts_what_has_no_room() -> None:
    rows = [[Span("/a.very.long.package/Method"), Span("12"), Span("345")]]
    titles = ("Method", "Calls", "Errors")
    assert written(list(table(titles, rows, 60))) == (
        "Method                       Calls  Errors\n/a.very.long.package/Method     12     345"
    )
    assert (
        written(list(table(titles, rows, 27, optional=[2])))
        == "Method                Calls\n…long.package/Method     12"
    )


@pytest.mark.system
async def test_the_figures_are_those_of_the_capture() -> None:
    truth = json.loads(CAPTURE.with_suffix(".json").read_text())
    async with opened(CAPTURE) as run:
        store, feed = run.session.store, run.screen.feed
        types = Counter(frame.type_name for frame in store.frames)
        rows = {cells(line.text)[0]: cells(line.text) for line in type_lines(store, 80)}
        for name, count in types.items():
            assert rows[name][-3] == f"{count:,}"
        assert rows["all"][-3] == f"{len(store.frames):,}"
        calls = truth["truth"]["calls"]
        assert f"{calls} calls began" in written(list(time_lines(feed.timeline, 100, 5)))
        pair, _, each = [line.text for line in conversation_lines(store, 140) if cells(line.text)[:1] != ["Client"]]
        assert cells(pair)[2:6] == ["1", f"{calls}", *cells(each)[4:6]]
        assert sum(map(int, cells(each)[4:6])) == store.packets
        latency = written(list(method_lines(feed.methods.methods, 120)))
        assert all(path in latency for path in feed.methods.methods)


def shown(run: Running) -> str:
    return text(run.app.screen.query_one(Pane))


@pytest.mark.system
@SIZES
async def test_statistics_by_the_keyboard(size: tuple[int, int]) -> None:
    async with opened(CAPTURE, size) as run:
        await run.press("s")
        await run.until(lambda: isinstance(run.app.screen, StatisticsScreen) and "WINDOW_UPDATE" in shown(run))
        await run.press("right")
        await run.until(lambda: "43 calls began" in shown(run))
        assert "█" in shown(run)
        await run.press("right")
        await run.until(lambda: "→Bytes" in shown(run))
        assert ":50102" in shown(run)
        await run.press("right")
        await run.until(lambda: "p95" in shown(run))
        await run.press("right", "left")
        assert "p95" in shown(run)
        await run.press("escape")
        assert not isinstance(run.app.screen, StatisticsScreen)


@pytest.mark.system
async def test_statistics_by_the_mouse_and_while_more_comes() -> None:
    async with opened(CAPTURE) as run:
        await run.press("s")
        await run.until(lambda: isinstance(run.app.screen, StatisticsScreen) and "WINDOW_UPDATE" in shown(run))
        await run.click_tab("#statistics-tabs", "Conversations")
        await run.until(lambda: "→Bytes" in shown(run))
        await run.click_tab("#statistics-tabs", "Frames")
        await run.until(lambda: "WINDOW_UPDATE" in shown(run))
        before = run.screen.feed.revision
        run.screen.feed.redraw()
        await run.until(lambda: run.screen.feed.revision > before)
        await run.pilot.click(offset=(1, 1))
        await run.until(lambda: not isinstance(run.app.screen, StatisticsScreen))
