"""Going to a number, time zero, and marks that lists agree on, on real captures."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.ui.dialogs.base import LineDialog
from inspector.ui.dialogs.columns import ColumnsDialog
from tests.captures import DATA
from tests.ui_running import NARROW, Running, lines, opened, reading

pytestmark = pytest.mark.system

CAPTURE = DATA / "b_full.pcapng"


def at_cursor(run: Running) -> str:
    return lines(run.list)[1 + run.list.cursor.row - run.list.scroll_offset.y]


def said(run: Running) -> list[str]:
    return [str(each.message) for each in run.app._notifications]


async def go(run: Running, where: str) -> None:
    await run.press("colon")
    await run.until(lambda: isinstance(run.app.screen, LineDialog) and run.app.screen.query("#line"))
    await run.type(where)
    await run.press("enter")


async def test_goes_to_packets_frames_and_calls() -> None:
    async with reading(CAPTURE, NARROW) as run:
        await run.loaded()
        await go(run, "27")
        assert at_cursor(run).split()[:3] == ["▏27", "0.0034", "0/15"] or "27" in at_cursor(run).split()[:2]
        await go(run, "f 1")
        assert run.frames.cursor.key is not None
        assert any("filter hides" in each for each in said(run))  # a SETTINGS, which is hidden
        await go(run, "0/31")
        assert "0/31" in at_cursor(run)
        await go(run, "1")
        await run.until(lambda: run.list.id == "packets" and run.list.cursor.key == 1)
        await go(run, "223")
        await run.until(lambda: run.list.cursor.key == 223)
        await run.press("colon")
        for wrong, words in (
            ("9999", "There is no packet 9,999"),
            ("0/2", "There is no call"),
            ("x", "is not a location"),
        ):
            run.app.screen.query_one("#line").value = wrong  # type: ignore[attr-defined]
            await run.press("enter")
            assert words in str(run.app.screen.query_one("#dialog-note").content)  # type: ignore[attr-defined]
        await run.press("escape")
        assert run.list.cursor.key == 223


async def test_times_relative_to_a_reference_and_to_the_previous_frame_of_the_stream() -> None:
    async with opened(CAPTURE) as run:
        await run.press("j", "j", "j", "j", "j", "T")
        await run.until(lambda: " REF " in at_cursor(run))
        assert lines(run.frames)[1].split()[1].startswith("-0.00")
        await run.press("T")
        await run.until(lambda: " REF " not in at_cursor(run))
        store, key = run.session.store, run.frames.cursor.key
        call = run.screen.browser.call
        assert call is not None
        while run.screen.feed.time_style != "stream":
            await run.press("t")
        await run.press("full_stop", "full_stop")
        await run.until(lambda: run.frames.cursor.key > key + 1)
        before = max(position for position in call.frames if position < run.frames.cursor.key)
        delta = store.frames[run.frames.cursor.key].time - store.frames[before].time
        await run.until(lambda: f"{delta:+.6f}" in at_cursor(run))
        assert delta > 0


async def test_marks_are_counted_kept_and_shown_in_the_lists_of_their_parts() -> None:
    async with opened(CAPTURE) as run:
        await run.press("j", "m")
        await run.until(lambda: run.counts.startswith("1 marked · "))
        await run.press("left")
        assert lines(run.list)[1].startswith("◇")
        await run.press("j", "m", "right")
        assert [line[0] for line in lines(run.frames)[1:7]] == [" ", "◆", " ", " ", " ", "◇"]
        await run.press("slash")
        await run.type("stream:15")
        await run.until(lambda: run.frames.count == 5)
        await run.press("enter", "A")
        await run.until(lambda: run.counts.startswith("7 marked · "))
        await run.press("g", "apostrophe")
        assert run.frames.cursor.row == 1
        await run.press("slash", "ctrl+u", "enter")
        await run.until(lambda: run.frames.count == 373)
        assert [line[0] for line in lines(run.frames)[1:3]] == [" ", "◆"]
        await run.press("U")
        await run.until(lambda: run.counts.startswith("1 marked · "))
        assert lines(run.frames)[6].startswith("◇")


def header(run: Running) -> list[str]:
    return lines(run.list)[0].split()


async def test_columns_are_hidden_moved_and_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    async with opened(CAPTURE) as run:
        assert header(run) == ["Packet", "Time", "Stream", "Type", "Len", "Info"]
        await run.press("C")
        await run.until(lambda: isinstance(run.app.screen, ColumnsDialog))
        await run.press("space", "down", "J", "J", "enter")
        assert header(run) == ["Stream", "Time", "Type", "Len", "Info"]
        assert lines(run.frames)[2].split()[:3] == ["0/1", "→", "0.0013"]
        await run.press("left", "C")
        await run.until(lambda: isinstance(run.app.screen, ColumnsDialog))
        await run.pilot.click("#choices", offset=(3, 0))
        await run.press("enter")
        assert header(run)[0].startswith("Start")
    (state,) = (tmp_path / "grpc-inspector").glob("columns.json")
    assert state.stat().st_mode & 0o777 == 0o600
    async with opened(CAPTURE, NARROW) as run:
        assert header(run) == ["Stream", "Time", "Type", "Len", "Info"]
        await run.press("C")
        await run.until(lambda: isinstance(run.app.screen, ColumnsDialog))
        await run.press("r", *["down"] * 6, "K", "K", "K", "K", "K", "K", "enter")
        assert header(run) == ["Info", "Packet", "Time", "Stream", "Type", "Len"]
        assert lines(run.frames)[1].split()[-1] == "232"
    state.write_text("no JSON at all")
    async with opened(CAPTURE) as run:
        assert header(run)[0] == "Packet"
