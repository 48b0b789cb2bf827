"""The lists of calls and of methods at work: sorting, folding, totals, timing and comparing, by keyboard and mouse."""

from __future__ import annotations

import pytest

from inspector.ui.dialogs.reports import CompareScreen
from inspector.ui.lists.listing import CALLS, METHODS
from inspector.ui.subject import FrameAt
from inspector.ui.widgets.bars import KeyBar
from inspector.ui.widgets.document import Pane
from inspector.ui.widgets.filter_box import FilterBox
from tests.captures import DATA
from tests.ui_running import NARROW, WIDE, Running, lines, opened, text

pytestmark = pytest.mark.system

CAPTURE = DATA / "b_full.pcapng"
ERRORS = DATA / "f_errors_node_node.pcapng"
SIZES = pytest.mark.parametrize("size", [WIDE, NARROW])


def titles(run: Running) -> str:
    return lines(run.list)[0]


def durations(run: Running) -> list[float | None]:
    calls = run.session.store.calls
    return [calls[run.list.rows.key(row)].duration for row in range(len(run.list.rows))]


@SIZES
async def test_calls_are_sorted_by_the_next_column_and_turned_round(size: tuple[int, int]) -> None:
    async with opened(CAPTURE, size=size) as run:
        await run.press("left", "j")
        assert "Start▲" in titles(run)
        here = run.list.cursor.key
        while "Duration" not in titles(run) or "▼" not in titles(run):
            await run.press("o")
        assert "Duration▼" in titles(run)
        assert durations(run) == sorted(durations(run), reverse=True)  # type: ignore[type-var]
        assert run.list.cursor.key == here
        assert any(line.startswith("▌") for line in lines(run.list))
        await run.press("O", "g")
        assert "Duration▲" in titles(run)
        assert run.list.cursor.key == run.list.rows.key(0) == min(run.session.store.calls.values(), key=_duration).key


def _duration(call: object) -> float:
    return call.duration  # type: ignore[attr-defined,no-any-return]


async def test_a_click_on_a_title_sorts_and_a_second_one_turns_round() -> None:
    async with opened(CAPTURE) as run:
        await run.press("left")
        for mark, descending in (("▼", True), ("▲", False)):
            await run.pilot.click("#calls", offset=(titles(run).index("Duration"), 0))
            await run.pilot.pause()
            assert f"Duration{mark}" in titles(run)
            assert durations(run) == sorted(durations(run), reverse=descending)  # type: ignore[type-var]


@SIZES
async def test_the_column_that_is_sorted_by_is_never_left_out(size: tuple[int, int]) -> None:
    async with opened(ERRORS, size=size) as run:
        await run.press("left")
        seen = []
        for _ in run.list.rows.orders:  # type: ignore[attr-defined]
            await run.press("o")
            seen.append(next(word for word in titles(run).split() if word[-1] in "▲▼")[:-1])
            assert len(titles(run)) <= run.list.size.width
        columns = ["Method", "Kind", "Status", "State", "Duration", "Reply", "Sent", "Got"]
        assert seen == [*columns, "→Bytes", "←Bytes", "Problems", "Stream", "Start"]


async def test_a_wide_list_has_every_column() -> None:
    async with opened(ERRORS) as run:
        await run.press("left", "backslash")
        assert titles(run).split() == (
            [
                "Stream",
                "Start▲",
                "Method",
                "Kind",
                "Status",
                "State",
                "Duration",
                "Reply",
                "Sent",
                "Got",
                "→Bytes",
                "←Bytes",
                "Problems",
                "Info",
            ]
        )
        assert "no.such.Service" in "".join(lines(run.list))


def shown_methods(run: Running) -> list[str]:
    return [run.list.rows.key(row) for row in range(run.list.count)]


async def test_methods_have_their_totals_and_a_histogram() -> None:
    async with opened(CAPTURE) as run:
        await run.turn_to(METHODS, "left")
        assert shown_methods(run) == [
            f"/peers.v1.Greeter/{name}" for name in ("Chat", "CollectHello", "SayHello", "StreamHello")
        ]
        row = next(line for line in lines(run.list) if "SayHello" in line).split()
        assert row[1:5] == ["40", "0", "0", "%"]
        await run.press("g", "j", "j")
        assert "40 calls · 0 errors (0 %)" in text(run.pane)
        assert "◂ p50" in text(run.pane)
        assert "█" in text(run.pane)


@SIZES
async def test_methods_are_sorted(size: tuple[int, int]) -> None:
    async with opened(CAPTURE, size=size) as run:
        await run.turn_to(METHODS, "left")
        await run.press("o")
        assert "Calls▼" in titles(run)
        assert shown_methods(run)[0] == "/peers.v1.Greeter/SayHello"
        await run.press("O")
        assert shown_methods(run)[-1] == "/peers.v1.Greeter/SayHello"
        await run.pilot.click("#methods", offset=(3, 0))
        await run.pilot.pause()
        assert shown_methods(run)[0] == "/peers.v1.Greeter/Chat"


@SIZES
async def test_enter_on_a_method_shows_its_calls(size: tuple[int, int]) -> None:
    async with opened(CAPTURE, size=size) as run:
        await run.turn_to(METHODS, "left")
        await run.press("g", "enter")
        await run.until(lambda: run.list.id == CALLS and run.list.count == 1)
        assert run.screen.query_one(FilterBox).value == "method:/peers.v1.Greeter/Chat$"
        assert (run.focused, run.list.cursor.key) == (CALLS, run.list.rows.key(0))
        await run.press("slash", "ctrl+u", "enter")
        await run.until(lambda: run.list.count == 43)


async def test_methods_stay_as_they_are_whatever_the_filter() -> None:
    async with opened(CAPTURE) as run:
        await run.press("slash")
        await run.type("nowhere-to-be-found")
        await run.until(lambda: run.frames.count == 0)
        await run.press("escape")
        await run.turn_to(METHODS, "left")
        await run.press("f", "escape", "m", "y", "full_stop", "n")
        assert run.app.is_running


@SIZES
async def test_a_call_unfolds_by_key_and_its_rows_select_their_frames(size: tuple[int, int]) -> None:
    async with opened(CAPTURE, size=size) as run:
        await run.press("left", "j", "plus")
        assert [line[1] for line in lines(run.list)[1:9]] == list("▸▾ ▸ ▸ ▸")
        assert run.list.count == 43 + 5
        await run.press("j", "j")
        assert "→ message" in lines(run.list)[run.list.cursor.row + 1]
        calls, frames = run.session.store.calls, run.session.store.frames
        call = list(calls.values())[1]
        assert run.list.rows.subject(run.list.cursor.key) == FrameAt(call.requests[0].frame)
        await run.press("plus", "j")
        assert "packet" in lines(run.list)[run.list.cursor.row + 1]
        await run.press("enter")
        assert any(line.startswith("▌ → DATA") for line in lines(run.pane))
        await run.press("escape", "minus")
        assert (run.list.count, run.list.cursor.row) == (48, 3)
        await run.press("minus")
        assert (run.list.count, run.list.cursor.key) == (43, call.key)
        assert frames


async def test_a_click_on_the_mark_unfolds_and_folds() -> None:
    async with opened(CAPTURE) as run:
        await run.press("left")
        await run.pilot.click("#calls", offset=(1, 3))
        await run.pilot.pause()
        assert (run.list.count, run.list.cursor.row) == (48, 2)
        await run.pilot.click("#calls", offset=(1, 5))
        await run.pilot.pause()
        assert (run.list.count, run.list.cursor.row) == (49, 4)
        await run.pilot.click("#calls", offset=(20, 6))
        await run.pilot.pause()
        assert (run.list.count, run.list.cursor.row) == (49, 5)
        await run.pilot.click("#calls", offset=(1, 3))
        await run.pilot.pause()
        assert run.list.count == 43


async def test_what_is_unfolded_moves_with_its_call_and_the_keys_are_offered_where_they_work() -> None:
    async with opened(CAPTURE) as run:
        assert "+ expand" not in text(run.screen.query_one(KeyBar))
        await run.press("left", "plus", "O")
        await run.pilot.pause()
        assert "+ expand" in text(run.screen.query_one(KeyBar))
        assert [run.list.rows.fold_mark(run.list.rows.key(row)) for row in (42, 43)] == ["▾", " "]  # type: ignore[attr-defined]
        assert run.list.cursor.row == 42
        await run.press("slash")
        await run.type("stream:3")
        await run.until(lambda: run.list.count == 1)


@SIZES
async def test_two_calls_are_compared(size: tuple[int, int]) -> None:
    async with opened(ERRORS, size=size) as run:
        await run.press("left", "equals_sign")
        assert any("Mark a call with m first" in each.message for each in run.app._notifications)
        await run.press("m", "equals_sign")
        assert not isinstance(run.app.screen, CompareScreen)
        await run.press("j", "equals_sign")
        await run.until(
            lambda: isinstance(run.app.screen, CompareScreen) and run.app.screen.query_one(Pane).viewport.rows
        )
        pane = run.app.screen.query_one(Pane)
        assert lines(pane)[0] == "  ◀ call 0/1  /peers.v1.Greeter/Fail  marked"
        assert "≠ status: ◀ INVALID_ARGUMENT  ▶ NOT_FOUND" in text(pane)
        await run.press("G")
        assert "= ← HEADERS: 1 frame" in text(pane) or "≠ ← HEADERS: " in text(pane)
        await run.press("escape")
        assert run.focused == CALLS


async def test_a_frame_marks_its_call_and_the_latest_mark_counts() -> None:
    async with opened(ERRORS) as run:
        await run.press("m", "j", "j", "j", "m", "G", "equals_sign")
        await run.until(
            lambda: isinstance(run.app.screen, CompareScreen) and run.app.screen.query_one(Pane).viewport.rows
        )
        assert [line.split()[2] for line in lines(run.app.screen.query_one(Pane))[:2]] == ["0/3", "0/9"]


async def test_timing_is_shown_and_leads_to_frames() -> None:
    async with opened(CAPTURE) as run:
        await run.press("G", "f", "left")
        assert run.focused == "timing-pane"
        assert "→ HD" in text(run.pane)
        assert "server time" in text(run.pane)
        first = next(index for index, line in enumerate(lines(run.pane)) if "→ headers" in line)
        await run.pilot.click("#timing-pane", offset=(20, first))
        await run.pilot.pause()
        assert (
            "POST /peers.v1.Greeter/Chat" in lines(run.frames)[1 + run.frames.cursor.row - run.frames.scroll_offset.y]
        )
