"""Connections on the screen, by keyboard and mouse, at full size and at 80x24."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.model.call import StreamKey
from inspector.model.frame import FrameType
from inspector.ui.detail.call import FollowDocument
from inspector.ui.detail.tabs import CONNECTION, SEQUENCE
from inspector.ui.lists.listing import CALLS, CONNECTIONS, FRAMES
from inspector.ui.screen import InspectionScreen
from inspector.ui.widgets.filter_box import FilterBox
from tests.captures import DATA
from tests.ui_running import NARROW, WIDE, Running, lines, opened, text

pytestmark = pytest.mark.system

CAPTURE = DATA / "why" / "goaway_refused.pcap"
TWO = DATA / "why" / "tls_and_plaintext.pcap"
SIZES = pytest.mark.parametrize("size", [WIDE, NARROW])


async def to_connections(run: Running) -> None:
    await run.turn_to(CONNECTIONS)


def followed(run: Running) -> object:
    document = run.screen.browser.detail.document
    return document.key if isinstance(document, FollowDocument) else None


@SIZES
async def test_the_list_and_the_details_of_a_connection(size: tuple[int, int]) -> None:
    async with opened(CAPTURE, size) as run:
        await to_connections(run)
        assert lines(run.list)[1].split()[1:4] == ["0", "127.0.0.1:36104", "127.0.0.1:50210"]
        await run.press("enter")
        assert run.focused == f"{CONNECTION}-pane"
        assert "Settings" in text(run.pane)
        await run.press("G")
        assert "refused 1 call, which may be sent again: stream 3" in text(run.pane)
        await run.press("escape")
        assert run.focused == CONNECTIONS


@SIZES
async def test_the_sequence_leads_to_its_frames(size: tuple[int, int]) -> None:
    async with opened(CAPTURE, size) as run:
        await to_connections(run)
        await run.press("f")
        assert run.focused == f"{SEQUENCE}-pane"
        await run.until(lambda: "──▶ HEADERS POST" in text(run.pane))
        row = next(at for at, line in enumerate(lines(run.pane)) if "──▶ HEADERS POST" in line)
        await run.press(*["j"] * row)
        await run.press("enter")
        assert run.focused == FRAMES
        frame = run.session.store.frames[run.frames.cursor.key]
        assert (frame.type, frame.stream) == (FrameType.HEADERS, 1)
        await run.until(lambda: followed(run) == StreamKey(0, 1))


async def test_lines_of_a_sequence_are_cut_and_not_wrapped() -> None:
    async with opened(CAPTURE, NARROW) as run:
        await to_connections(run)
        await run.press("f")
        shown = [line for line in lines(run.pane) if line.strip()]
        assert any(line.endswith("…") for line in shown)
        assert all("──" in line or "pass" in line or "connection" in line for line in shown)


async def test_a_click_in_a_sequence_stays_and_two_lead_to_the_frame() -> None:
    async with opened(CAPTURE) as run:
        await run.click_tab("#lists", "Connections")
        await run.until(lambda: run.list.id == CONNECTIONS)
        await run.click_tab("#detail-tabs", "Sequence")
        await run.until(lambda: "──▶ SETTINGS" in text(run.pane))
        row = next(at for at, line in enumerate(lines(run.pane)) if "──▶ SETTINGS" in line)
        await run.pilot.click(f"#{SEQUENCE}-pane", offset=(30, row))
        assert run.list.id == CONNECTIONS
        await run.pilot.click(f"#{SEQUENCE}-pane", offset=(30, row), times=2)
        await run.until(lambda: run.list.id == FRAMES)
        await run.until(lambda: run.focused == FRAMES)


async def test_one_key_filters_by_a_connection_and_removes_the_filter() -> None:
    async with opened(TWO) as run:
        await to_connections(run)
        await run.press("j", "c")
        await run.until(lambda: run.screen.query_one(FilterBox).value == "connection:1")
        await run.until(lambda: run.list.id == FRAMES)
        store = run.session.store
        wanted = sum(frame.connection == 1 and not frame.is_control for frame in store.frames)
        await run.until(lambda: run.counts.startswith(f"{wanted} of {len(store.frames)}"))
        await run.press("c")
        await run.until(lambda: run.screen.query_one(FilterBox).value == "connection:0")
        await run.press("c")
        await run.until(lambda: not run.screen.query_one(FilterBox).value)


async def test_a_frame_of_the_connection_itself_is_shown_in_its_sequence() -> None:
    async with opened(CAPTURE) as run:
        await run.press("h")
        await run.until(lambda: run.frames.count == len(run.session.store.frames))
        await run.press("g")
        assert run.session.store.frames[run.frames.cursor.key].type == FrameType.SETTINGS
        await run.until(lambda: any(line.startswith("▌") and "SETTINGS" in line for line in lines(run.pane)))
        store = run.session.store
        goaway = next(at for at, frame in enumerate(store.frames) if frame.type == FrameType.GOAWAY)
        await run.press(*["j"] * goaway)
        await run.until(lambda: any(line.startswith("▌") and "GOAWAY" in line for line in lines(run.pane)))
        assert sum(line.startswith("▌") for line in lines(run.pane)) == 1


async def test_a_call_that_was_sent_is_shown_in_a_list_that_has_it() -> None:
    async with opened(CAPTURE) as run:
        await to_connections(run)
        run.screen.browser.show_call(StreamKey(0, 3))
        await run.until(lambda: run.list.id == FRAMES)
        assert run.session.store.frames[run.frames.cursor.key].stream == 3
        await run.until(lambda: followed(run) == StreamKey(0, 3))
        await run.turn_to(CALLS)
        run.screen.browser.show_call(StreamKey(0, 1))
        await run.pilot.pause()
        assert run.list.id == CALLS


async def test_the_lists_keep_their_places() -> None:
    async with opened(CAPTURE) as run:
        await run.press("j", "j")
        place = run.frames.cursor.key
        await to_connections(run)
        await run.turn_to(FRAMES, "left")
        assert run.frames.cursor.key == place
        await run.until(lambda: run.focused == FRAMES and "HEADERS" in text(run.pane))


async def test_a_connection_without_http2_is_listed() -> None:
    capture: Path = DATA / "o_tls_node_go.pcapng"
    async with opened(capture, NARROW) as run:
        await to_connections(run)
        assert "TLS" in lines(run.list)[1]
        await run.press("enter")
        assert "node --tls-keylog=FILE" in text(run.pane)
        await run.press("right")
        await run.until(lambda: run.focused == f"{SEQUENCE}-pane")
        assert isinstance(run.screen, InspectionScreen)
