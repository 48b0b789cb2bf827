"""What is typed, clicked and pasted at once goes where the keys before it lead, however busy the list is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest
from textual import events
from textual.command import CommandPalette
from textual.widget import Widget
from textual.widgets import Input, TextArea

from inspector.ui.widgets.filter_box import FilterBox
from tests.captures import DATA
from tests.end_to_end.test_terminal import APP
from tests.terminal import needs_tmux, terminal
from tests.ui_running import PATIENCE, Running, opened

pytestmark = pytest.mark.system

CAPTURE = DATA / "b_full.pcapng"
_TURNS, _TURN_SECONDS = 20, 0.02


def type_at_once(run: Running, *inputs: str | events.Event) -> None:
    """Queue keys, and other events between them, while what has the focus has much to do."""
    for _ in range(_TURNS):
        (run.app.focused or run.app.screen).call_later(asyncio.sleep, _TURN_SECONDS)
    for each in inputs:
        run.app.post_message(_key(each) if isinstance(each, str) else each)


def _key(name: str) -> events.Key:
    """A key by its name, of which those of one letter are that letter."""
    named = {"slash": "/", "colon": ":", "number_sign": "#", "equals_sign": "="}
    return events.Key(name, name if len(name) == 1 else named.get(name))


def clicks(widget: Widget, x: int, y: int) -> Iterable[events.Event]:
    """A click on a place of a widget, as a terminal reports it."""
    place = widget.region.x + x, widget.region.y + y
    for kind in (events.MouseDown, events.MouseUp):
        yield kind(None, *place, 0, 0, 1, shift=False, meta=False, ctrl=False, screen_x=place[0], screen_y=place[1])


def written(run: Running) -> str:
    """What is written in the input that has the focus."""
    focused = run.app.focused
    if isinstance(focused, Input):
        return focused.value
    return focused.text if isinstance(focused, TextArea) else ""


@pytest.mark.parametrize("key", ["slash", "ctrl+f", "colon", "number_sign", "ctrl+s", "ctrl+o", "w", "d", "ctrl+p"])
async def test_what_is_typed_behind_a_key_that_opens_an_input_is_in_it(key: str) -> None:
    async with opened(CAPTURE) as run:
        await run.until(lambda: run.focused == "frames")
        type_at_once(run, key, *"5041nGf")
        await run.until(lambda: written(run).endswith("5041nGf"))


async def test_keys_behind_one_that_closes_a_dialog_are_for_what_is_below() -> None:
    async with opened(CAPTURE) as run:
        type_at_once(run, "g", "colon", "7", "escape", "j", "j", "ctrl+f", "x")
        await run.until(lambda: run.focused == "find-text" and written(run) == "x")
        assert run.frames.cursor.row == 2


async def test_a_paste_and_a_click_keep_their_place_among_the_keys() -> None:
    async with opened(CAPTURE) as run:
        click = clicks(run.frames, 5, 3)
        type_at_once(run, "slash", "c", events.Paste("p"), "p", *click, "j", "m", "ctrl+f", "x")
        await run.until(lambda: run.focused == "find-text" and written(run) == "x")
        assert run.screen.query_one(FilterBox).value == "cpp"


async def test_a_widget_that_hangs_holds_up_no_key_that_does_not_need_it() -> None:
    async with opened(CAPTURE) as run:
        goes_on = asyncio.Event()
        run.app.screen_change_signal.subscribe(run.app, lambda _screen: goes_on.set())
        run.frames.call_later(goes_on.wait)
        for key in ("j", "j", "ctrl+p"):
            run.app.post_message(_key(key))
        await asyncio.wait_for(goes_on.wait(), PATIENCE)
        await run.until(lambda: isinstance(run.app.screen, CommandPalette))
        await run.pilot.pause()


@needs_tmux
def test_text_behind_a_key_in_a_terminal_is_in_the_filter(tmp_path: Path) -> None:
    with terminal(tmp_path, [*APP, str(CAPTURE)], XDG_CACHE_HOME=str(tmp_path)) as window:
        window.wait_for("f follow", "frames")
        for word in ("cpp7", "cpp8", "cpp9", "hello", "cpp5"):
            window.type("-l", f"/{word}")
            window.wait_for(f" {word} ")
            window.type("C-u", "Enter")
            window.wait_without(f" {word} ")
            window.wait_for("f follow")
