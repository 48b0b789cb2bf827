"""Text from the wire is shown as it is: it is no markup, no escape sequence, and turns no line round."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from inspector.errors import RequestError
from inspector.model.frame import Side
from inspector.session.schema import SchemaSources
from inspector.ui.dialogs.export import copy_choices
from inspector.ui.draft import draft_of_call, one_line
from sample_service.helloworld_pb2 import HelloRequest
from tests.conversation import hello, prefixed, reply
from tests.ui_running import NARROW, WIDE, Running, opened, text
from tests.wire import Wire, data

pytestmark = pytest.mark.system

HOSTILE = "[/red][b]x[/b] $ok \x1b[31mred\x1b]0;title\x07 \r\n\u202eevil\u2066 [@click=app.quit]q[/]"
AS_HEADER = "x-[/red]:[/red][b]x[/b]$ok␛[31mred␛]0;title␇<U+202E>evil<U+2066>[@click=app.quit]q[/]"
AS_JSON = r"""[/red][b]x[/b]$ok\u001b[31mred\u001b]0;title\u0007\r\n<U+202E>evil<U+2066>[@click=app.quit]q[/]"""
"""Without blanks, and without the breaks that a narrow pane puts in."""


def capture(folder: Path) -> Path:
    wire = Wire()
    wire.begin()
    wire.greet(1, hello(HOSTILE), reply(HOSTILE), ("x-[/red]", HOSTILE.replace("\r\n", "")))
    wire.greet(3, hello("y" * 100_000), reply("漢字 e\u0301 👩‍👩‍👧"))
    wire.client(wire.headers(Side.CLIENT, 5, (":path", "/[/red].\x1b/[b]"), (":method", "POST")), data(5, b"\xff" * 40))
    wire.client(data(5, prefixed(HelloRequest(name="").SerializeToString()), end=True))
    return wire.write(folder / "[red] host[b]ile[].pcap")


async def every_view(run: Running) -> str:
    """The text of all tabs for the frame that is selected."""
    found = ""
    await run.press("f")
    for _ in range(4):
        found += text(run.pane)
        await run.press("right")
    await run.press("escape")
    return found


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_is_shown_literally_everywhere(tmp_path: Path, size: tuple[int, int]) -> None:
    async with opened(capture(tmp_path), size=size) as run:
        await run.press("j")
        found = await every_view(run)
        found = found.translate({ord(mark): None for mark in " \n▌"})
        assert AS_HEADER in found
        assert AS_JSON in found
        everything = found + text(run.frames)
        for _ in range(run.frames.count):
            await run.press("j", "y")
            everything += text(run.pane)
        everything += await every_view(run)
        await run.press("left", "y", "G", "y")
        everything += text(run.list)
        assert not any(character in everything for character in "\x1b\r\x07\u202e\u2066")
        assert "/[/red].␛/[b]" in everything.replace("\n", "")


async def test_a_hostile_name_in_the_filter_and_in_dialogs(tmp_path: Path) -> None:
    async with opened(capture(tmp_path)) as run:
        await run.press("slash", "left_square_bracket", "slash", "r", "e", "d", "right_square_bracket", "enter")
        await run.until(lambda: run.frames.count)
        await run.press(
            "slash", "ctrl+u", "a", "colon", "left_square_bracket", "slash", "right_square_bracket", "enter"
        )
        await run.press("ctrl+s", "escape", "ctrl+e", "h")
        assert run.app.is_running


async def test_a_hostile_call_to_be_sent_again_and_copied(tmp_path: Path) -> None:
    async with opened(capture(tmp_path)) as run:
        catalog = run.screen.launch.catalog
        for call in run.session.store.calls.values():
            for choice in copy_choices(run.session.store, catalog, call, None, SchemaSources()):
                with suppress(RequestError):
                    assert choice.value[1]().replace("\n", "").isprintable()
            with suppress(RequestError):
                draft = draft_of_call(call, catalog, "localhost:1")
                assert draft.text.replace("\n", "").isprintable()
                assert one_line(draft.text).isprintable()
        await run.press("Y", "down", "enter")
        await run.press("R", "f2", "ctrl+t", "ctrl+d", "ctrl+x")  # there is no service to send to
        assert run.app.is_running
