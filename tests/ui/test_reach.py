"""What Wireshark users reach for, by the ways they know: the mouse, the keys of Wireshark, the palette."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events
from textual.widgets import Input

from inspector.ui.bindings import entries
from inspector.ui.dialogs.base import LineDialog
from inspector.ui.dialogs.choice import ChoiceDialog
from inspector.ui.dialogs.columns import ColumnsDialog
from inspector.ui.lists.listing import CALLS, FRAMES, PACKETS
from inspector.ui.widgets.bars import KeyBar
from inspector.ui.widgets.document import GUTTER
from inspector.ui.widgets.filter_box import FilterBox, NameList
from tests.captures import DATA
from tests.ui_running import NARROW, WIDE, Running, lines, opened, reading, text

CAPTURE = DATA / "b_full.pcapng"
SIZES = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
RIGHT, MIDDLE = 3, 2


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


async def click(run: Running, where: str, x: int, y: int, button: int = 1) -> None:
    await run.pilot.click(where, offset=(x, y), button=button)
    await run.pilot.pause()


async def click_key(run: Running, words: str) -> None:
    """Click on a key of the footer."""
    await click(run, "#keys", text(run.screen.query_one(KeyBar)).index(words), 0)


async def choose(run: Running, words: str) -> None:
    """Choose from what a right click offers."""
    await run.until(lambda: isinstance(run.app.screen, ChoiceDialog) and run.app.screen.query("#query"))
    dialog = run.app.screen
    dialog.query_one("#query", Input).value = words
    await run.press("enter")
    await run.until(lambda: run.app.screen is not dialog)


def header(run: Running) -> list[str]:
    return lines(run.list)[0].split()


def tree_line(run: Running, words: str) -> int:
    return next(number for number, line in enumerate(lines(run.pane)) if words in line)


@pytest.mark.system
@SIZES
async def test_a_row_is_marked_timed_and_followed_by_the_mouse_alone(size: tuple[int, int]) -> None:
    async with opened(CAPTURE, size) as run:
        await click(run, "#frames", 12, 3, MIDDLE)
        assert lines(run.frames)[3].startswith("◆")
        await click(run, "#frames", 12, 5, RIGHT)
        await choose(run, "count times from")
        await run.until(lambda: " REF " in lines(run.frames)[5])
        await click(run, "#frames", 12, 5, RIGHT)
        await choose(run, "comment")
        assert isinstance(run.app.screen, LineDialog)
        await run.press("escape")
        await click(run, "#frames", 12, 5, RIGHT)
        await choose(run, "follow the stream")
        assert run.focused == "follow-pane"


@pytest.mark.system
async def test_titles_turn_times_and_choose_columns_that_are_dragged() -> None:
    async with opened(CAPTURE) as run:
        before = lines(run.frames)[3].split()[1]
        await click(run, "#frames", lines(run.frames)[0].index("Time"), 0)
        await run.until(lambda: lines(run.frames)[3].split()[1] != before)
        await click(run, "#frames", 3, 0, RIGHT)
        assert isinstance(run.app.screen, ColumnsDialog)
        await run.pilot.mouse_down("#choices", offset=(3, 0))
        for row in (1, 2):
            await run.pilot._post_mouse_events([events.MouseMove], "#choices", offset=(3, row), button=1)
        await run.pilot.mouse_up("#choices", offset=(3, 2))
        await click(run, "#choices", 3, 4)
        await click(run, "#choices", 3, 7)
        await run.press("enter")
        assert header(run) == ["Time", "Stream", "Packet", "Len", "Info", "Delta"]


@pytest.mark.system
async def test_delta_columns_are_there_to_be_chosen_and_count_from_the_row_and_the_stream() -> None:
    async with reading(CAPTURE) as run:
        await run.loaded()
        run.screen.browser.listing.show_columns((2, 3, 4, 7))
        assert header(run)[:3] == ["Delta", "In", "stream"]
        run.frames.cursor.go(0)
        await run.press("full_stop", "full_stop")
        await run.until(lambda: lines(run.frames)[3].split().count("0.000472") == 2)
        assert lines(run.frames)[1].split()[0] == "0/1"
        await run.press("p")
        await run.until(lambda: run.list.id == PACKETS and run.list.count == 223)
        run.screen.browser.listing.show_columns((0, 2, 5))
        assert header(run) == ["No.", "Delta", "Protocol"]
        first, second = map(run.screen.feed.packets.line, (1, 2))
        run.list.cursor.go(0)
        await run.until(lambda: lines(run.list)[2].split() == ["2", f"{second.time - first.time:.6f}", "TCP"])


@pytest.mark.system
async def test_names_and_earlier_filters_are_taken_by_clicks() -> None:
    async with reading(CAPTURE) as run:
        await run.loaded()
        box, names = run.screen.query_one(FilterBox), run.screen.query_one(NameList)
        await click(run, "#filter", 5, 1)
        await run.type("http2.str")
        await run.until(lambda: names.display and names.size.height == 3)
        await run.pilot.click(names, offset=(2, 2))
        await run.until(lambda: box.value == "http2.streamid")
        await run.type(" == 3")
        await run.press("enter")
        await run.until(lambda: "5 of 670 frames" in run.counts)
        await click(run, "#filter", 5, 1)
        await run.press("ctrl+u")
        await click_key(run, "↑ history")
        assert box.value == "http2.streamid == 3"


@pytest.mark.system
async def test_a_field_becomes_a_filter_and_a_stream_is_followed_by_right_clicks() -> None:
    async with reading(CAPTURE) as run:
        await run.loaded()
        await click(run, "#frames", 12, 1, RIGHT)
        await choose(run, "From a frame to its packet")
        await run.until(lambda: "Transmission" in text(run.pane))
        await click(run, "#tree-pane", GUTTER + 8, tree_line(run, "HyperText"), RIGHT)
        await choose(run, "filter by the field")
        await choose(run, "http2")
        await run.until(lambda: run.counts == "209 of 223 packets")
        await click(run, "#packets", 30, 6, RIGHT)
        await choose(run, "Follow the TCP")
        await run.until(lambda: run.focused == "tcp-pane" and "PRI * HTTP/2.0" in text(run.pane))
        await click(run, "#tcp-pane", 10, 5, RIGHT)
        await choose(run, "hex dump")
        assert "00000000  50 52 49 20" in text(run.pane)
        await run.press("y")
        assert any("TCP stream 0" in str(each.message) for each in run.app._notifications)


@pytest.mark.system
async def test_the_keys_of_wireshark_do_what_they_do_there() -> None:
    async with opened(CAPTURE) as run:
        await run.press("ctrl+g")
        await run.until(lambda: isinstance(run.app.screen, LineDialog) and run.app.screen.query("#line"))
        await run.type("27")
        await run.press("enter")
        await run.until(lambda: "27" in lines(run.list)[1 + run.list.cursor.row - run.list.scroll_offset.y].split()[:2])
        here = run.frames.cursor.row
        await run.press("ctrl+m", "ctrl+t")
        assert run.frames.cursor.key in run.frames.marks
        assert run.screen.feed.time_reference is not None
        await run.press("enter", "f8")
        assert (run.focused, run.frames.cursor.row) == ("follow-pane", here + 1)
        await run.press("ctrl+up", "ctrl+underscore")
        assert (run.focused, run.frames.cursor.row) == ("filter", here)
        await run.type("cpp7")
        await run.press("enter")
        await run.until(lambda: "2 of 670 frames" in run.counts)
        first = run.frames.cursor.key
        await run.press("ctrl+n")
        assert run.frames.cursor.key != first
        await run.press("ctrl+b")
        assert run.frames.cursor.key == first


@pytest.mark.system
async def test_arrows_open_and_fold_a_tree() -> None:
    async with reading(CAPTURE) as run:
        await run.loaded()
        await run.press("p")
        await run.until(lambda: "Ethernet II" in text(run.pane))
        await run.press("enter")
        while "Ethernet II" not in lines(run.pane)[run.pane.viewport.cursor]:
            await run.press("j")
        await run.press("right")
        assert "Type: IPv4 (0x0800)" in text(run.pane)
        await run.press("j", "j", "left")
        assert "Ethernet II" in lines(run.pane)[run.pane.viewport.cursor]
        await run.press("left")
        assert "Type: IPv4" not in text(run.pane)
        assert run.focused == "tree-pane"


@pytest.mark.system
async def test_the_next_call_is_followed_without_leaving() -> None:
    async with opened(CAPTURE) as run:
        await run.press("f", "right_square_bracket")
        assert "stream 3" in text(run.pane)
        assert run.focused == "follow-pane"
        await run.press("left_square_bracket", "left_square_bracket")
        assert "stream 1 " in text(run.pane).replace("\n", " ")


@pytest.mark.system
async def test_what_is_counted_is_the_list_in_front() -> None:
    async with opened(CAPTURE) as run:
        await run.press("slash")
        await run.type("method:Chat")
        await run.press("enter")
        await run.until(lambda: "84 of 670 frames" in run.counts)
        await run.turn_to(CALLS)
        await run.until(lambda: run.counts == "1 of 43 calls")
        await run.press("left")
        await run.until(lambda: run.counts == "4 methods · not filtered")
        await run.turn_to(FRAMES)
        await run.until(lambda: run.counts.startswith("84 of 670 frames"))


@pytest.mark.parametrize(
    "words",
    [
        *("pcapng", "marked", "JSON", "HTML", "SVG", "messages as files", "Open a capture", "comment on the packet"),
        *("TCP stream", "hex dump", "Follow the stream", "frame of the stream", "next mark", "columns", "time of day"),
        *("Count times from", "Go to a packet", "regular expression", "Names of Wireshark's fields", "To the filter"),
        *("Earlier filters", "by the field", "frames by type", "per second", "conversations", "latency"),
    ],
)
def test_palette_and_help_have_words_for_it(words: str) -> None:
    assert any(words.lower() in key.tooltip.lower() for _, key in entries())
