"""Browsing a real capture by keyboard and mouse, at full size and at 80x24."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.actions import parse
from textual.widgets import Input, Static

from inspector.schema.catalog import Catalog
from inspector.ui.bindings import KeyContext, entries
from inspector.ui.dialogs.help import HelpScreen
from inspector.ui.launch import Launch
from inspector.ui.lists.listing import CALLS, CONNECTIONS, FRAMES, METHODS
from inspector.ui.screen import InspectionScreen
from inspector.ui.widgets.bars import KeyBar
from inspector.ui.widgets.filter_box import FilterBox
from inspector.ui.widgets.request_box import RequestBox
from tests.captures import DATA
from tests.ui_running import NARROW, WIDE, Running, lines, opened, reading, text

pytestmark = pytest.mark.system

CAPTURE = DATA / "b_full.pcapng"
SIZES = pytest.mark.parametrize("size", [WIDE, NARROW])


def position(run: Running) -> object:
    return run.frames.cursor.key


async def test_a_file_begins_at_its_first_frame_with_the_focus_on_the_list() -> None:
    async with opened(CAPTURE) as run:
        assert run.focused == "frames"
        assert not run.screen.query(RequestBox)
        first = lines(run.frames)[1]
        assert "HEADERS" in first
        assert "POST /peers.v1.Greeter/SayHello" in first
        assert ":path: /peers.v1.Greeter/SayHello" in text(run.pane)
        assert run.counts == "373 of 670 frames · 297 control frames hidden (h)"


async def test_moves() -> None:
    async with opened(CAPTURE, size=NARROW) as run:
        rows = run.frames
        moves = [("j", 1), ("down", 2), ("k", 1), ("up", 0), ("up", 0), ("pagedown", rows.cursor.page), ("pageup", 0)]
        for key, row in moves:
            await run.press(key)
            assert rows.cursor.row == row, key
        for key, row in (("G", rows.count - 1), ("g", 0), ("end", rows.count - 1), ("home", 0)):
            await run.press(key)
            assert rows.cursor.row == row, key
            assert any(line.startswith("▌") for line in lines(rows)), key


async def test_the_pane_follows_the_selection() -> None:
    async with opened(CAPTURE) as run:
        await run.press(*"jjjjj")
        assert "Follow 0/3" in run.detail_tabs
        marked = [line for line in lines(run.pane) if line.startswith("▌")]
        assert "→ HEADERS" in marked[0]


async def test_steps_through_a_stream_and_back() -> None:
    async with opened(CAPTURE) as run:
        rows = [run.frames.rows.key(row) for row in range(5)]
        await run.press("full_stop", "full_stop")
        assert position(run) == rows[2]
        await run.press("comma")
        assert position(run) == rows[1]
        await run.press("comma", "comma")
        assert position(run) == rows[0]
        await run.press(*["full_stop"] * 6)
        assert position(run) == rows[4]


@SIZES
async def test_follow_and_back(size: tuple[int, int]) -> None:
    async with opened(CAPTURE, size=size) as run:
        await run.press("j", "j", "f")
        assert run.focused == "follow-pane"
        assert run.pane.display
        assert run.pane.size.width > 20
        assert any(line.startswith("▌ ← HEADERS") for line in lines(run.pane))
        await run.press("escape")
        assert run.focused == "frames"
        assert run.frames.size.width > 20


async def test_enter_opens_and_leads_from_a_step_to_its_frame() -> None:
    async with opened(CAPTURE) as run:
        await run.press("enter", "G", "enter")
        assert run.focused == "frames"
        assert run.frames.cursor.row == 4
        assert "OK  grpc-status 0" in lines(run.frames)[5]


async def test_tabs_of_both_sides_turn() -> None:
    async with opened(CAPTURE) as run:
        await run.press("left")
        assert (run.list.id, run.focused) == (CALLS, CALLS)
        assert "Greeter/SayHello" in lines(run.list)[1]
        await run.press("j", "f", "right")
        assert run.focused == "frame-pane"
        assert "flags" in text(run.pane)
        await run.press("right")
        assert run.focused == "message-pane"
        await run.press("right")
        assert run.focused == "bytes-pane"
        await run.press("right")
        assert run.focused == "timing-pane"
        await run.press("right")
        assert run.focused == "follow-pane"


async def test_bytes_tell_prefix_and_message_apart() -> None:
    async with opened(CAPTURE) as run:
        await run.press("j", "f", "left", "left")
        line = run.pane.render_line(0)
        assert line.text.split()[:6] == ["00000000", "00", "00", "00", "00", "06"]
        styles = {segment.text.strip(): segment.style for segment in line}
        assert styles["00 00 00 00  06"] != styles["0a 04 63"]


async def test_control_frames_are_shown_and_hidden_and_counted() -> None:
    async with opened(CAPTURE, size=NARROW) as run:
        here = position(run)
        await run.press("h")
        await run.until(lambda: run.frames.count == 670)
        assert run.counts == "670 of 670 frames · control frames shown (h)"
        assert position(run) == here
        await run.press("h")
        await run.until(lambda: run.frames.count == 373)


async def test_a_filter_works_as_it_is_typed() -> None:
    async with opened(CAPTURE, size=NARROW) as run:
        await run.press("slash")
        assert run.focused == "filter"
        await run.type("type:data cpp7")
        await run.until(lambda: run.frames.count == 2)
        assert "2 of 670 frames" in run.counts
        await run.press("escape")
        assert run.focused == "frames"
        assert run.screen.query_one(FilterBox).value == "type:data cpp7"
        await run.press("slash", "ctrl+u", "enter")
        await run.until(lambda: run.frames.count == 373)


async def test_an_invalid_filter_shows_its_error_and_the_last_valid_one_stays() -> None:
    async with opened(CAPTURE) as run:
        box = run.screen.query_one(FilterBox)
        box.value = "stream:3"
        await run.until(lambda: run.frames.count == 5)
        box.value = "stream:3 nokey:1"
        await run.until(lambda: box.has_class("-faulty"))
        assert "nokey: is not a key" in run.counts
        assert "The keys are method, status" in run.counts
        assert run.frames.count == 5


async def test_visiting_matches_wraps_around() -> None:
    async with opened(CAPTURE) as run:
        await run.press("slash")
        await run.type("stream:5")
        await run.until(lambda: run.frames.count == 5)
        await run.press("escape", "n", "n")
        await run.until(lambda: run.frames.cursor.row == 2)
        await run.press("N", "N", "N")
        await run.until(lambda: run.frames.cursor.row == 4)


async def test_the_cursor_returns_to_its_row_while_a_filter_is_typed() -> None:
    async with opened(CAPTURE) as run:
        await run.press("j", "j", "j", "slash")
        chosen = position(run)
        for typed in ("stre", "stream:5", "stream", ""):
            await run.press("ctrl+u")
            await run.type(typed)
            await run.until(lambda typed=typed: run.screen.feed.frames.filter.text == typed)  # type: ignore[misc]
            await run.until(lambda: run.frames.count == len(run.frames.rows))
        assert position(run) == chosen
        await run.type("stream:5")
        await run.until(lambda: run.frames.count == 5)
        nearest = position(run)
        assert nearest != chosen
        await run.press("enter", "slash", "ctrl+u", "enter")
        await run.until(lambda: run.frames.count == 373)
        assert position(run) == nearest


async def test_the_cursor_stays_where_a_filter_has_moved_it_once_it_is_applied() -> None:
    async with opened(CAPTURE) as run:
        await run.press("j", "j", "j", "slash")
        chosen = position(run)
        await run.type("-stream:0/1")
        await run.press("enter")
        await run.until(lambda: position(run) != chosen)
        left, shown = position(run), run.frames.count
        await run.press("h")
        await run.until(lambda: run.frames.count > shown)
        assert position(run) == left


async def test_the_active_tab_is_visible_if_not_all_tabs_fit() -> None:
    async with opened(CAPTURE, (40, 20)) as run:
        assert run.lists_tabs.startswith(" Calls")
        await run.press("left", "left")
        assert run.list.id == METHODS
        assert run.lists_tabs.endswith(f" Methods {run.list.count}")
        await run.click_tab("#lists", "Connections")
        assert run.list.id == CONNECTIONS


async def test_the_mark_of_the_tab_is_lit_on_the_side_with_the_focus() -> None:
    async with opened(CAPTURE) as run:
        left, right = mark(run, "#lists"), mark(run, "#detail-tabs")
        assert left != right
        await run.press("enter")
        await run.until(lambda: (mark(run, "#lists"), mark(run, "#detail-tabs")) == (right, left))


def mark(run: Running, bar: str) -> object:
    """The colour under the tab that is shown."""
    _, under, *_ = run.screen.query_one(bar).render_line(1)
    return under.style and under.style.color


async def test_keys_of_an_empty_capture_do_nothing() -> None:
    async with opened(DATA / "i_no_packets.pcapng") as run:
        await run.press(*(key.keys.partition(",")[0] for place, key in entries() if place is KeyContext.BROWSER))
        assert run.list.id == FRAMES
        assert "Follow" in run.detail_tabs


async def test_a_filter_without_matches_says_what_to_do() -> None:
    async with opened(CAPTURE) as run:
        await run.press("slash")
        await run.type("nowhere-to-be-found")
        await run.until(lambda: run.frames.count == 0)
        assert "Nothing matches the filter." in text(run.frames)
        await run.press("escape", "j", "k", "G", "g", "enter", "m", "apostrophe", "f", "y", "full_stop", "n", "h")
        assert run.app.is_running


async def test_marks() -> None:
    async with opened(CAPTURE) as run:
        await run.press("j", "m", "j", "j", "m", "g")
        await run.press("apostrophe")
        assert run.frames.cursor.row == 1
        await run.press("apostrophe", "apostrophe")
        assert run.frames.cursor.row == 1
        assert lines(run.frames)[2].startswith("◆")
        await run.press("m")
        assert not lines(run.frames)[2].startswith("◆")


@SIZES
async def test_zoom_gives_the_pane_all_the_room(size: tuple[int, int]) -> None:
    async with opened(CAPTURE, size=size) as run:
        await run.press("f", "backslash")
        assert (run.pane.size.width, run.pane.size.height) >= (size[0] - 4, size[1] - 5)
        assert not run.screen.query_one(FilterBox).display
        await run.press("escape", "escape")
        assert run.screen.query_one(FilterBox).display


async def test_tab_goes_round_the_panes() -> None:
    async with opened(CAPTURE, size=NARROW) as run:
        seen = []
        for _ in range(3):
            await run.press("tab")
            seen.append(run.focused)
        assert seen == ["follow-pane", "filter", "frames"]
        await run.press("shift+tab")
        assert run.focused == "filter"


async def test_copies_and_says_what() -> None:
    async with opened(CAPTURE) as run:
        for keys, said in (("y", "the row of HEADERS in packet 6"), ("fy", "stream 0/1")):
            await run.press(*keys)
            assert any(said in each.message for each in run.app._notifications)
        await run.press("escape", "j", "f", "left", "left", "y")
        assert any("11 bytes as hex" in each.message for each in run.app._notifications)


async def test_help_lists_all_keys_and_closes() -> None:
    async with opened(CAPTURE, size=NARROW) as run:
        await run.press("question_mark")
        assert isinstance(run.app.screen, HelpScreen)
        await run.press("escape")
        assert isinstance(run.app.screen, InspectionScreen)
        await run.press("slash", "f1")
        assert isinstance(run.app.screen, HelpScreen)


async def test_every_action_of_the_screen_is_a_method_of_a_controller() -> None:
    def in_table(context: KeyContext) -> set[str]:
        return {parse(key.action)[1] for place, key in entries() if place is context}

    def named(screen: InspectionScreen) -> set[str]:
        return {name for name in in_table(KeyContext.SCREEN) if screen.check_action(name, ())}

    async with opened(CAPTURE) as run:
        with_service = InspectionScreen(Launch(lambda: run.session, Catalog(), "localhost:1"), run.session)
        needs_call = {"half_close", "cancel"}
        assert named(with_service) | needs_call | {"set_reference"} == set(with_service.controllers.dispatcher.actions)
        needs_service = {"focus_request", "edit", "choose_method", "recall", "choose_call", "resend", "reconnect"}
        assert named(with_service) - named(run.screen) == needs_service
        assert all(callable(getattr(run.screen, f"action_{name}")) for name in named(run.screen))
        in_browser = in_table(KeyContext.BROWSER) - {"set_reference"}  # the screen's, with T as a key of the browser
        assert all(callable(getattr(run.screen.browser, f"action_{name}")) for name in in_browser)


async def test_the_palette_does_what_a_key_does() -> None:
    async with opened(CAPTURE) as run:
        await run.press("ctrl+p")
        await run.type("Hide or show")
        await run.until(lambda: run.app.screen.query("OptionList").first().option_count > 0)  # type: ignore[attr-defined]
        await run.press("enter")
        await run.until(lambda: run.frames.count == 670)


async def test_every_theme_can_be_drawn() -> None:
    async with opened(CAPTURE) as run:
        for name in run.app.available_themes:
            run.app.theme = name
            await run.pilot.pause()
            assert "HEADERS" in text(run.frames)


async def test_the_mouse_selects_opens_and_scrolls() -> None:
    async with opened(CAPTURE) as run:
        await run.pilot.click("#frames", offset=(20, 4))
        await run.pilot.pause()
        assert run.frames.cursor.row == 3
        await run.pilot.click("#frames", offset=(20, 6), times=2)
        await run.until(lambda: run.focused == "follow-pane")
        assert run.frames.cursor.row == 5
        step = next(y for y, line in enumerate(lines(run.pane)) if "← HEADERS  200" in line)
        await run.pilot.click("#follow-pane", offset=(10, step))
        await run.until(lambda: run.frames.cursor.row == 7)
        help_at = text(run.screen.query_one(KeyBar)).index("? help")
        await run.pilot.click("#keys", offset=(help_at, 0))
        await run.until(lambda: isinstance(run.app.screen, HelpScreen))


async def test_a_file_that_is_opened_lies_above_and_escape_goes_back() -> None:
    async with opened(CAPTURE) as run:
        await run.press("ctrl+o")
        await run.type(str(DATA / "k_cancel_node_node.pcapng").replace("_", "_"))
        await run.press("enter")
        await run.until(lambda: len(run.app.screen_stack) == 3 and run.screen.session.status.source.startswith("k_"))
        await run.loaded()
        assert "cancel" in text(run.frames).lower()
        above = run.session
        await run.press("escape")
        await run.until(lambda: len(run.app.screen_stack) == 2)
        assert run.session.status.source == CAPTURE.name
        await run.until(lambda: not above.store.frames)  # its memory is given back
        assert run.session.store.frames


@pytest.mark.parametrize(("dialog", "of_nobody"), [("ctrl+o", "There is no file"), ("ctrl+s", "There is no folder")])
async def test_paths_that_cannot_be_looked_at_are_said_to_be_so(dialog: str, of_nobody: str) -> None:
    async with opened(CAPTURE) as run:
        await run.press(dialog)
        field, note = run.app.screen.query_one("#path", Input), run.app.screen.query_one("#dialog-note", Static)
        field.value = "~nobody-of-that-name/a.pcap"
        await run.press("enter")
        await run.until(lambda: of_nobody in str(note.content))
        field.value = "/tmp/" + "x" * 300
        await run.press("enter")
        await run.until(lambda: "name too long" in str(note.content))


async def test_saving_asks_before_it_writes_over(tmp_path: Path) -> None:
    target = tmp_path / "saved.pcap"
    target.write_text("precious")
    async with reading(CAPTURE) as run:
        await run.loaded()
        await run.press("ctrl+s")
        field = run.app.screen.query_one("#path")
        field.value = str(target)  # type: ignore[attr-defined]
        await run.press("enter")
        assert target.read_text() == "precious"
        assert "overwrites it" in str(run.app.screen.query_one("#dialog-note").content)  # type: ignore[attr-defined]
        await run.press("enter")
        await run.until(lambda: target.read_bytes() == CAPTURE.read_bytes())


@pytest.mark.parametrize(
    ("name", "said"), [("i_not_a_capture.pcapng", "not a capture"), ("i_empty_file.pcapng", "i_empty_file.pcapng")]
)
async def test_a_file_that_is_no_capture_is_said_plainly(name: str, said: str) -> None:
    async with reading(DATA / name) as run:
        await run.until(lambda: run.notice)
        assert said in run.notice
        await run.press("escape", "escape")
        assert said in run.notice


async def test_quits_from_an_input_too() -> None:
    async with opened(CAPTURE) as run:
        await run.press("slash", "ctrl+q")
        assert run.app.return_code == 0
