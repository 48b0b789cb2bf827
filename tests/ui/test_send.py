"""Sending from the app: a real service, a real channel, and the tap, which may capture everywhere."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from inspector.capture.source import Target
from inspector.schema.catalog import Catalog
from inspector.session import LiveSource, Phase, Session
from inspector.ui.launch import Launch
from inspector.ui.widgets.request_box import RequestBox
from tests.conftest import GreetProcess
from tests.ui_running import NARROW, WIDE, Running, lines, running, text

pytestmark = pytest.mark.system


def attached(port: int, size: tuple[int, int] = WIDE) -> AbstractAsyncContextManager[Running]:
    """The app on a service that somebody else started."""
    source = LiveSource(Target("localhost", port), engine="tap")
    return running(Launch(lambda: Session(source), Catalog(), target=str(source.target)), size)


def box(run: Running) -> RequestBox:
    return run.screen.query_one(RequestBox)


def said(run: Running) -> str:
    return str(box(run).border_subtitle)


async def send(run: Running, name: str, rows: int) -> None:
    """Type a name, press Enter, and wait until so many rows are there."""
    await run.type(name)
    await run.press("enter")
    await run.until(lambda: run.frames.count >= rows)


async def test_a_name_and_enter_and_its_frames_are_there(greet: GreetProcess) -> None:
    async with attached(greet.port) as run:
        assert run.focused == "request"
        await send(run, "World", 5)
        shown = text(run.frames)
        assert 'HelloRequest  name: "World"' in shown
        assert 'HelloReply  message: "Hello, World"' in shown
        assert "OK  grpc-status 0" in shown
        assert run.frames.cursor.row == 0
        await run.until(lambda: '"message": "Hello, World"' in text(run.pane))
        assert run.focused == "request"
        await run.until(lambda: "OK" in said(run))


async def test_the_empty_name_is_a_name(greet: GreetProcess) -> None:
    async with attached(greet.port, NARROW) as run:
        await send(run, "", 5)
        assert "Hello, " in text(run.frames)


async def test_letters_are_letters_in_the_box_and_escape_leads_to_the_list(greet: GreetProcess) -> None:
    async with attached(greet.port) as run:
        await run.type("jkgGfhinqmy/?.")
        assert box(run).value == "jkgGfhinqmy/?."
        await run.press("escape")
        assert run.focused == "frames"
        await run.press("i")
        assert run.focused == "request"


async def test_names_typed_ahead_are_all_sent(greet: GreetProcess) -> None:
    async with attached(greet.port) as run:
        await run.press_at_once("A", "d", "a", "enter", "B", "o", "enter", "C", "y", "enter")
        await run.until(lambda: run.frames.count == 15)
        for name in ("Ada", "Bo", "Cy"):
            assert f'name: "{name}"' in text(run.frames)


async def test_history_comes_back(greet: GreetProcess) -> None:
    async with attached(greet.port) as run:
        await send(run, "World", 5)
        await send(run, "Ada", 10)
        await run.press("up", "up")
        assert box(run).value == "World"
        await run.press("down")
        assert box(run).value == "Ada"


async def test_each_call_is_selected_as_it_comes_also_after_moving_away(greet: GreetProcess) -> None:
    async with attached(greet.port) as run:
        await send(run, "World", 5)
        await run.press("escape", "g", "j")
        assert "paused" in run.lists_tabs
        await run.press("i")
        await send(run, "Ada", 10)
        await run.until(lambda: run.frames.cursor.row == 5)
        assert "paused" not in run.lists_tabs
        assert "0/3" in run.detail_tabs


async def test_the_tail_is_followed_until_the_user_moves_up(greet: GreetProcess) -> None:
    async with attached(greet.port, NARROW) as run:
        for number in range(4):
            await send(run, f"{number}", 5 * number + 5)
        assert run.frames.scroll_offset.y == run.frames.max_scroll_y > 0
        await run.press("escape", "g")
        run.screen.controllers.focus.show(box(run))
        box(run).value = ""
        await run.press("escape")
        assert "F follows" in run.lists_tabs
        await run.press("F")
        assert run.frames.cursor.row == run.frames.count - 1
        assert "F follows" not in run.lists_tabs


async def test_a_service_that_is_gone_is_said_with_what_to_do(start_service: Callable[..., GreetProcess]) -> None:
    service = start_service()
    async with attached(service.port) as run:
        await send(run, "World", 5)
        service.process.kill()
        service.process.wait()
        await run.type("Ada")
        await run.press("enter")
        await run.until(lambda: run.notice)
        assert "UNAVAILABLE" in said(run)
        await run.press("escape", "escape")
        assert (run.notice, run.focused) == (run.session.status.warning, "frames")
        await run.press("escape")
        assert run.notice == ""


async def test_a_request_that_means_nothing_is_not_sent(greet: GreetProcess) -> None:
    async with attached(greet.port) as run:
        await run.until(lambda: run.session.status.phase is Phase.LIVE)
        box(run).value = '{"nam": "World"}'
        await run.press("enter")
        await run.until(lambda: "nam" in run.notice)
        assert "not sent" in said(run)


async def test_the_capture_stops_and_starts(greet: GreetProcess) -> None:
    async with attached(greet.port) as run:
        await send(run, "World", 5)
        await run.press("ctrl+e")
        await run.until(lambda: run.session.status.phase is Phase.STOPPED)
        await run.press("enter")
        await run.until(lambda: any("so this call is not captured" in each.message for each in run.app._notifications))
        await run.press("ctrl+e")
        await run.until(lambda: run.session.status.phase is Phase.LIVE)
        assert lines(run.frames)[1].startswith("▏")
