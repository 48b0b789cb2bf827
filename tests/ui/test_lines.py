"""Widgets that are drawn line by line: exactly the lines that have changed are drawn."""

from __future__ import annotations

import asyncio

import pytest
from textual.geometry import Region
from textual.scrollbar import ScrollBar, ScrollBarRender

from inspector.scheduling import KEYBOARD, yield_to_ui
from inspector.ui.widgets.line_view import LineView
from tests.captures import DATA
from tests.ui_running import Running, opened

CAPTURE = DATA / "b_full.pcapng"
KEYS = (
    *("j", "pagedown", "pagedown", "end", "k", "home", "enter", "pagedown", "escape", "j", "G", "enter", "end"),
    *("escape", *"jjjjjjjjjjjj", "end", "enter", "end", "escape", *"kkkkkkkk", "home", "pagedown"),
)


def drawn(bar: ScrollBar) -> list[tuple[str, bool]]:
    strips = bar.render_lines(Region(0, 0, 1, bar.size.height))
    return [(each.text, bool(each.style and each.style.reverse)) for strip in strips for each in strip]


def wanted(view: LineView) -> list[tuple[str, bool]]:
    height = view.size.height
    thumb = ScrollBarRender.render_bar(height, view.virtual_size.height, height, int(view.scroll_y * 8) / 8)
    return [(each.text, bool(each.style and each.style.reverse)) for each in thumb.segments]


def looked_at(run: Running) -> list[LineView]:
    return [view for view in run.screen.query(LineView) if view.display and view.size]


@pytest.mark.system
async def test_scrollbars_match_the_scroll_position() -> None:
    async with opened(CAPTURE, (160, 30)) as run:
        seen = set()
        for key in KEYS:
            await run.press(key)
            await run.pilot.pause()
            for view in looked_at(run):
                assert view.show_vertical_scrollbar == (view.virtual_size.height > view.size.height)
                if view.show_vertical_scrollbar:
                    assert drawn(view.vertical_scrollbar) == wanted(view), key
                    seen.add((view.id, view.scroll_offset.y))
        assert len(seen) > 5


@pytest.mark.system
async def test_moving_the_focus_repaints_only_the_row_of_the_cursor() -> None:
    async with opened(CAPTURE) as run:
        painted, paint = [], run.frames.rows.row
        await run.press("j")
        run.frames.rows.row = lambda key: painted.append(key) or paint(key)  # type: ignore[method-assign,func-returns-value]
        await run.press("enter")
        await run.pilot.pause()
        assert not run.frames.has_focus
        assert set(painted) <= {run.frames.cursor.key}


async def test_background_work_yields_for_longer_while_keys_are_pressed() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def given() -> int:
        before = turns
        await yield_to_ui()
        return turns - before

    counting = asyncio.create_task(count())
    while KEYBOARD.is_in_use:  # noqa: ASYNC110 - time alone ends it
        await asyncio.sleep(0)
    usual = await given()
    for _ in range(100):  # a machine may stand still for as long as a key is minded
        KEYBOARD.note()
        if (longer := await given()) > usual:
            break
    counting.cancel()
    assert 0 < usual < longer
