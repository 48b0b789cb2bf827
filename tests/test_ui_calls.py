"""The lists of calls and of methods at work: sorting, folding, totals, timing and comparing, by keyboard and mouse."""

from __future__ import annotations

import pytest

from tests.captures import DATA
from tests.ui_running import NARROW, WIDE, Running, lines, opened

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
        here = run.list.selected
        while "Duration" not in titles(run) or "▼" not in titles(run):
            await run.press("o")
        assert "Duration▼" in titles(run)
        assert durations(run) == sorted(durations(run), reverse=True)  # type: ignore[type-var]
        assert run.list.selected == here
        assert any(line.startswith("▌") for line in lines(run.list))
        await run.press("O", "g")
        assert "Duration▲" in titles(run)
        assert run.list.selected == run.list.rows.key(0) == min(run.session.store.calls.values(), key=_duration).key


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
            ["Stream", "Start▲", "Method", "Kind", "Status", "State", "Duration", "Reply", "Sent", "Got", "→Bytes", "←Bytes", "Problems", "Info"]
        )
        assert "no.such.Service" in "".join(lines(run.list))
