"""Dialogs and the editor by keys and by mouse, calls beside each other, and methods that no schema knows."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.geometry import Offset
from textual.widget import Widget
from textual.widgets import Checkbox, Input, OptionList, TextArea

from inspector.capture.source import Target
from inspector.model.call import CallState
from inspector.schema.catalog import Catalog
from inspector.session import LiveSource, Session
from inspector.session.schema import SchemaSources, load_schema
from inspector.ui.dialogs.choice import ChoiceDialog
from inspector.ui.dialogs.editor import EditorScreen
from inspector.ui.launch import Launch
from inspector.ui.widgets.json_area import Candidates
from tests.captures import DATA
from tests.conftest import GreetProcess
from tests.ui.test_requests import attached, box, calls, choose, editor, note, said, state, title, write
from tests.ui_running import NARROW, WIDE, Running, opened, running, text

pytestmark = pytest.mark.system

PROTO = Path(__file__).parents[2] / "proto"


async def click(run: Running, widget: Widget, x: int = 1, y: int = 0) -> None:
    """Click into a widget, counted from the corner of its content."""
    at = widget.content_region.offset + Offset(x, y)
    await run.pilot.click(offset=(at.x, at.y))
    await run.pilot.pause()


async def options(run: Running) -> OptionList:
    await run.until(lambda: isinstance(run.app.screen, ChoiceDialog) and run.app.screen.query(OptionList))
    found = run.app.screen.query_one(OptionList)
    await run.until(lambda: found.size.height)
    return found


def names(found: OptionList) -> list[str]:
    return [str(each.prompt).split()[0] for each in found.options]


async def test_a_click_chooses(greet: GreetProcess) -> None:
    async with attached(greet, NARROW) as run:
        await run.press("ctrl+t")
        found = await options(run)
        row = names(found).index("sample.v1.Tour/Sum")
        await click(run, found, y=row)
        await run.until(lambda: title(run) == "sample.v1.Tour/Sum · client stream")
        assert run.focused == "request"


async def test_esc_and_a_click_beside_it_close_a_dialog(greet: GreetProcess) -> None:
    async with attached(greet) as run:
        for key in ("ctrl+t", "ctrl+r", "f4", "f3"):
            await run.press(key)
            await run.until(lambda: run.app.screen.is_modal)
            await run.press("escape")
            await run.until(lambda: not run.app.screen.is_modal)
            await run.press(key)
            await run.until(lambda: run.app.screen.is_modal)
            await run.pilot.click(offset=(1, 1))
            await run.until(lambda: not run.app.screen.is_modal)
        assert title(run) == "HelloWorld/greet"


async def test_the_editor_by_mouse(greet: GreetProcess) -> None:
    async with attached(greet) as run:
        await choose(run, "Echo", "f2")
        await run.until(lambda: isinstance(run.app.screen, EditorScreen) and editor(run).size.height)
        area, form = editor(run), run.app.screen
        area.text = '{"col'
        area.move_cursor((0, 5))
        await run.type("o")
        candidates = form.query_one(Candidates)
        await run.until(lambda: candidates.display and candidates.size.height)
        await click(run, candidates)
        assert area.text == '{"colour": '
        area.text = '{"text": "x",\n "words": ["a"]}'
        await click(run, area, x=12, y=0)
        assert run.app.focused is area
        await click(run, form.query_one("#is_compressed", Checkbox))
        await click(run, form.query_one("#keepalive", Input))
        await run.type("30")
        await run.press("f5")
        await run.until(lambda: state(run, "Echo") is CallState.COMPLETE)
        assert title(run) == "sample.v1.Tour/Echo · gzip · PING every 30 s"


async def test_esc_keeps_what_was_written(greet: GreetProcess) -> None:
    async with attached(greet) as run:
        await run.press("f2")
        await run.until(lambda: isinstance(run.app.screen, EditorScreen))
        editor(run).text = '{\n  "name": "Ada"\n}'
        run.app.screen.query_one("#metadata", TextArea).text = "a: b"
        await run.press("escape")
        await run.until(lambda: not run.app.screen.is_modal)
        assert box(run).value == '{"name": "Ada"}'
        assert title(run) == "HelloWorld/greet · 1 metadata"
        assert not calls(run, "greet")


async def test_two_streams_of_one_method_at_once(greet: GreetProcess) -> None:
    async with attached(greet) as run:
        await choose(run, "Chat")
        await write(run, "first")
        await run.until(lambda: "1 reply" in said(run))
        assert "F5 another call" in said(run)
        await run.type("second")
        await run.press("f5")
        await run.until(lambda: len(calls(run, "Chat")) == 2)
        await run.until(lambda: "call 2 of 2" in said(run))
        await write(run, "more")
        await run.until(lambda: len(calls(run, "Chat")[1].requests) == 2)
        await run.press("f4")
        found = await options(run)
        assert "latest: first" in str(found.get_option_at_index(0).prompt)
        await run.press("enter")
        await run.until(lambda: "call 1 of 2" in said(run))
        await write(run, "back")
        await run.until(lambda: len(calls(run, "Chat")[0].requests) == 2)
        assert "back" in text(run.pane)
        await run.press("ctrl+d")
        await run.until(lambda: calls(run, "Chat")[0].state is CallState.COMPLETE)
        assert calls(run, "Chat")[1].state is CallState.OPEN
        await run.press("ctrl+d")
        await run.until(lambda: calls(run, "Chat")[1].state is CallState.COMPLETE)


async def test_other_settings_begin_another_call(greet: GreetProcess) -> None:
    async with attached(greet) as run:
        await choose(run, "Chat")
        await write(run, "Ada")
        await run.until(lambda: "1 reply" in said(run))
        await run.press("f2")
        await run.until(lambda: isinstance(run.app.screen, EditorScreen))
        run.app.screen.query_one("#metadata", TextArea).text = "a: b"
        await run.press("f5")
        await run.until(lambda: len(calls(run, "Chat")) == 2)
        await write(run, "Bo")
        await run.until(lambda: len(calls(run, "Chat")[1].requests) == 2)


async def test_a_method_that_no_schema_knows(greet: GreetProcess) -> None:
    target = Target("localhost", greet.port)
    source = LiveSource(target, engine="tap")
    async with running(Launch(lambda: Session(source), Catalog(), str(target)), WIDE) as run:
        await run.press("ctrl+t")
        await options(run)
        await run.type("/other.Service/Do")
        found = await options(run)
        assert names(found) == ["other.Service/Do"] * 4
        await run.press("down", "enter")
        await run.until(lambda: title(run) == "other.Service/Do · server stream · no schema")
        await run.type("x")
        await run.press("enter")
        await run.until(lambda: "Write field numbers, as in" in run.notice)
        await write(run, '{"1": "Ada", "2": {"1": true}}')
        await run.until(lambda: state(run, "Do") is CallState.COMPLETE)
        assert calls(run, "Do")[0].requests[0].data == b"\n\x03Ada\x12\x02\x08\x01"
        await run.until(lambda: "has no method /other.Service/Do" in run.notice)
        await run.press("escape", "G", "R")
        await run.until(lambda: isinstance(run.app.screen, EditorScreen))
        assert editor(run).text == '{\n  "1": "Ada",\n  "2": {\n    "1": 1\n  }\n}'
        editor(run).text = '{"1": {"x": 1}}'
        await run.press("f5")
        await run.until(lambda: "1.x is not a field number" in note(run))
        assert editor(run).cursor_location == (0, 7)
        await run.press("escape", "ctrl+t")
        await run.type("other")
        assert names(await options(run)).count("other.Service/Do") == 1


async def test_changed_files_are_read_again_on_a_key(greet: GreetProcess, tmp_path: Path) -> None:
    proto = tmp_path / "sample.proto"
    proto.write_text((PROTO / "sample.proto").read_text())
    target, catalog = Target("localhost", greet.port), Catalog()
    schema = SchemaSources(proto_files=(proto,))

    async def prepare() -> str:
        await load_schema(catalog, schema, target)
        return " ".join(catalog.problems)

    source = LiveSource(target, engine="tap")
    launch = Launch(lambda: Session(source), catalog, str(target), prepare=prepare, schema=schema)
    async with running(launch) as run:
        await run.until(lambda: box(run).method)
        proto.write_text(proto.read_text().replace("rpc Echo", "rpc Mirror"))
        await run.press("f6")
        await run.until(lambda: "/sample.v1.Tour/Mirror" in catalog.methods)
        proto.write_text("syntax = 'proto3'; message {")
        await run.press("f6")
        await run.until(lambda: "sample.proto:1:" in run.notice)
        assert "/sample.v1.Tour/Mirror" in catalog.methods


async def test_a_capture_without_a_service_can_be_copied_and_not_sent() -> None:
    async with opened(DATA / "b_full.pcapng") as run:
        await run.press("R")
        assert not run.app.screen.is_modal
        await run.press("G", "Y")
        found = await options(run)
        assert [name.lower() for name in names(found)] == ["grpcurl", "python", "json", "text"]
        await run.press("down")
        await click(run, found, y=1)
        await run.until(lambda: any("as Python script" in str(each.message) for each in run.app._notifications))
        await run.press("R")
        assert not run.app.screen.is_modal
