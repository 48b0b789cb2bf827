"""Packets, their trees and bytes, TCP streams and display filters, by keyboard and mouse, on a real capture."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from textual.widgets import Input

from inspector.present.packet import packet_row
from inspector.present.times import Times, TimeStyle
from inspector.tshark.packet_list import PacketLine
from inspector.ui.dialogs.choice import ChoiceDialog
from inspector.ui.dialogs.files import SaveDialog
from inspector.ui.lists.listing import CONNECTIONS, FRAMES, PACKETS
from inspector.ui.lists.packets import PacketRows
from inspector.ui.widgets.document import GUTTER
from inspector.ui.widgets.filter_box import FilterBox, NameList
from inspector.ui.widgets.hex_view import HexView
from inspector.ui.widgets.table_renderer import RowPainter
from tests.captures import DATA
from tests.ui_running import NARROW, WIDE, Running, lines, reading, text

CAPTURE = DATA / "b_full.pcapng"
SIZES = pytest.mark.parametrize("size", [WIDE, NARROW])


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@asynccontextmanager
async def browsing(size: tuple[int, int] = WIDE) -> AsyncIterator[Running]:
    """The app on the capture, with a session of its own: what is asked of it goes on behind the first reading."""
    async with reading(CAPTURE, size=size) as run:
        await run.loaded()
        yield run


def packets_of(run: Running) -> list[str]:
    return lines(run.screen.browser.listing.list_of(PACKETS))[1:]


def bytes_of(run: Running) -> HexView:
    return run.screen.browser.detail.tree_page.bytes


def title(run: Running) -> str:
    return str(run.screen.query_one(FilterBox).border_title)


async def to_packet(run: Running) -> None:
    """From the first frame, which is in packet 6, to that packet, with its tree on the screen."""
    await run.press("p")
    await run.until(lambda: run.list.id == PACKETS and run.list.cursor.key == 6)
    await run.until(lambda: "HyperText Transfer Protocol 2" in text(run.pane) or run.pane.size.width == 0)


def at_cursor(run: Running) -> str:
    """The line of the pane that the cursor is on."""
    return lines(run.pane)[run.pane.viewport.cursor - run.pane.scroll_offset.y]


async def go_down_to(run: Running, words: str) -> None:
    while words not in at_cursor(run):
        await run.press("j")


@pytest.mark.system
@SIZES
async def test_every_packet_is_in_the_list_and_a_frame_leads_to_its_packet_and_back(size: tuple[int, int]) -> None:
    async with browsing(size) as run:
        await to_packet(run)
        await run.until(lambda: run.list.count == 223)
        assert "223 of 223 packets" in run.counts
        rows = packets_of(run)
        assert "[SYN]" in text(run.list) or size == NARROW
        assert any(row.startswith("▌") and ("GRPC " in row or "HTTP2 " in row) for row in rows)
        await run.press("j", "j", "j", "p")
        await run.until(lambda: run.list.id == FRAMES)
        assert (run.list.cursor.key, run.focused) == (next(run.session.store.positions_of(9)), FRAMES)
        await run.press("p", "j", "p")
        await run.until(lambda: run.list.cursor.key == 10)
        assert run.list.id == PACKETS, "a packet without a frame leads nowhere"


@pytest.mark.system
@SIZES
async def test_a_field_marks_its_bytes_and_a_byte_leads_to_its_field(size: tuple[int, int]) -> None:
    async with browsing(size) as run:
        await to_packet(run)
        await run.press("enter")
        await run.until(lambda: "Frame 6" in text(run.pane))
        assert run.focused == "tree-pane"
        view = bytes_of(run)
        assert "431 bytes · 0 to 430 marked" in str(view.border_title)
        await go_down_to(run, "Transmission Control")
        assert "34 to 65 marked" in str(view.border_title)
        await run.press("enter")
        await go_down_to(run, "Source Port")
        assert "Source Port: 36948" in text(run.pane)
        assert "34 to 35 marked" in str(view.border_title)
        await run.press("tab")
        assert run.focused == "packet-bytes"
        await run.press("right", "right")
        assert "36 to 37 marked" in str(view.border_title)
        await run.press("enter")
        assert run.focused == "tree-pane"
        assert "Destination Port: 50102" in at_cursor(run)
        await run.press("escape", "j", "k", "enter")  # where it is narrow, the tree is hidden meanwhile
        await run.until(lambda: "0 to 430 marked" in str(view.border_title))
        await run.press("end")
        assert "0 to 430 marked" not in str(view.border_title), (
            "the last field's, of which versions have different ones"
        )


@pytest.mark.system
async def test_trees_by_mouse() -> None:
    async with browsing() as run:
        await to_packet(run)
        shown = lines(run.pane)
        row = next(number for number, line in enumerate(shown) if "Ethernet II" in line)
        await run.pilot.click(run.pane, offset=(GUTTER, row))
        await run.pilot.pause()
        assert "Type: IPv4 (0x0800)" in text(run.pane)
        await run.pilot.click(run.pane, offset=(GUTTER, row))
        await run.pilot.pause()
        assert "Type: IPv4" not in text(run.pane)
        view = bytes_of(run)
        view.scroll_to(y=0, animate=False, force=True)
        await run.pilot.pause()
        assert lines(view)[1].startswith("0008  00 00 00 00 08 00 45 00")
        await run.pilot.click(view, offset=(6 + 4 * 3, 2))  # below the border and a line: byte 12
        await run.pilot.pause()
        assert "12 to 13 marked" in str(view.border_title)
        assert "Type: IPv4 (0x0800)" in text(run.pane)


@pytest.mark.system
async def test_a_whole_tree_is_opened_and_folded_and_the_next_packet_keeps_that() -> None:
    async with browsing() as run:
        await to_packet(run)
        await run.press("E")
        assert "Section number: 1" in text(run.pane)
        await run.press("j")
        await run.until(lambda: "Frame 7" in text(run.pane))
        assert "Section number: 1" in text(run.pane)
        await run.press("E")
        assert "Section number: 1" not in text(run.pane)


@pytest.mark.system
async def test_a_display_filter_applies_to_packets_frames_and_calls() -> None:
    async with browsing(NARROW) as run:
        await run.press("slash")
        await run.type("http2.streamid == 3")
        await run.until(lambda: "5 of 670 frames" in run.counts)
        assert title(run) == "Wireshark display filter"
        assert run.screen.query_one(FilterBox).has_class("-display")
        await run.press("enter", "left")
        await run.until(lambda: run.list.count == 1)
        await run.press("right", "right")
        await run.until(lambda: run.list.id == PACKETS and run.list.count == 2)
        assert [row.split()[0].lstrip("▌▏") or row.split()[1] for row in packets_of(run)[:2]] == ["12", "15"]
        await run.press("slash", "ctrl+u", "enter")
        await run.until(lambda: run.list.count == 223)
        assert title(run) == "Filter"


@pytest.mark.system
async def test_words_filter_packets_too() -> None:
    async with browsing() as run:
        await to_packet(run)
        await run.until(lambda: run.list.count == 223)
        await run.press("slash")
        await run.type("cpp7")
        await run.until(lambda: run.list.count == 2)
        assert title(run) == "Filter: words"


@pytest.mark.system
async def test_the_error_of_a_display_filter_is_that_of_wireshark() -> None:
    async with browsing() as run:
        await run.press("slash")
        run.screen.filter_box.value = "tcp.port == x"  # at once: slowly typed, "t" is a good filter by itself
        await run.until(lambda: run.screen.query_one(FilterBox).has_class("-faulty"))
        assert '"x"' in run.counts
        await run.until(lambda: run.frames.count == 373)
        await run.press("ctrl+u")
        await run.type("tcp.nonsense")
        await run.until(lambda: "quote it" in run.counts)
        assert '"tcp.nonsense"' in run.counts


@pytest.mark.system
async def test_names_of_fields_are_offered_and_filters_remembered() -> None:
    async with browsing() as run:
        box, names = run.screen.query_one(FilterBox), run.screen.query_one(NameList)
        await run.press("slash")
        await run.type("http2.streami")
        await run.press("tab")
        await run.until(lambda: box.value == "http2.streamid")
        await run.press("ctrl+u")
        await run.type("tcp.analysis.r")
        await run.press("ctrl+n")
        await run.until(lambda: names.display)
        await run.press("down", "up", "enter")
        await run.until(lambda: box.value == "tcp.analysis.retransmission")
        assert run.focused == "filter"
        await run.press("enter", "slash", "ctrl+u")
        await run.type("cpp7")
        await run.press("enter", "slash", "ctrl+u", "up")
        assert box.value == "cpp7"
        await run.press("up")
        assert box.value == "tcp.analysis.retransmission"
        await run.press("down", "down")
        assert box.value == ""
    async with browsing() as run:
        await run.press("slash", "up")
        assert run.screen.query_one(FilterBox).value == "cpp7"


@pytest.mark.system
async def test_a_field_becomes_a_filter() -> None:
    async with browsing() as run:
        await run.press("slash")
        await run.type("http2.streamid == 3")
        await run.press("enter")
        await run.until(lambda: "5 of 670 frames" in run.counts)
        await run.press("p")
        await run.until(lambda: "Ethernet" in text(run.pane))
        await run.press("enter")
        await go_down_to(run, "Transmission")
        await run.press("enter")
        await go_down_to(run, "Source Port")
        await run.press("a")
        assert isinstance(run.app.screen, ChoiceDialog)
        await run.type("and not")
        await run.press("enter")
        box = run.screen.query_one(FilterBox)
        assert box.value == "(http2.streamid == 3) && !(tcp.srcport == 36948)"
        await run.until(lambda: run.list.count == 1)


@pytest.mark.system
async def test_a_tcp_stream_is_followed_in_three_forms() -> None:
    async with browsing(WIDE) as run:
        await run.press("P")
        await run.until(lambda: run.focused == "tcp-pane" and "PRI * HTTP/2.0" in text(run.pane))
        assert "127.0.0.1:36948 →  ← 127.0.0.1:50102" in text(run.pane)
        sides = {segment.style.color for line in range(4, 9) for segment in run.pane.render_line(line) if segment.style}
        assert len(sides) > 1
        await run.press("v")
        assert "00000000  50 52 49 20 2a 20 48 54" in text(run.pane)
        await run.press("v")
        assert "505249202a20485454502f322e30" in text(run.pane)
        await run.press("right_square_bracket")
        await run.until(lambda: "This capture has no TCP stream 1" in text(run.pane))
        await run.press("right_square_bracket")
        await run.press("left_square_bracket")
        await run.until(lambda: "TCP stream 0" in text(run.pane))


@pytest.mark.system
async def test_packets_without_frames_are_followed_and_narrowed_by_their_tcp_stream() -> None:
    async with reading(DATA / "why" / "http1.pcap") as run:
        await run.loaded()
        await run.turn_to(PACKETS)
        await run.until(lambda: run.list.count and "Frame 1" in text(run.pane))
        box = run.screen.query_one(FilterBox)
        await run.press("g", "c")
        await run.until(lambda: run.screen.feed.frames.filter.text == box.value == "tcp.stream == 0")
        await run.press("c")
        await run.until(lambda: not box.value)
        styles = []
        for _ in range(4):
            await run.press("t")
            styles.append(run.screen.feed.time_style)
        assert styles == [TimeStyle.PREVIOUS, TimeStyle.CLOCK, TimeStyle.UTC, TimeStyle.CAPTURE]
        await run.press("f")
        await run.until(lambda: run.focused == "tcp-pane" and "HTTP/1.1" in text(run.pane))
        before = run.screen
        await run.press("d")
        await run.until(lambda: isinstance(run.app.screen, ChoiceDialog))
        await run.press("f8")
        await run.until(lambda: run.screen is not before and run.list.id == PACKETS and run.list.count == 10)


@pytest.mark.system
async def test_a_followed_stream_is_saved_as_its_bytes(tmp_path: Path) -> None:
    async with browsing() as run:
        await run.press("P")
        await run.until(lambda: run.focused == "tcp-pane" and "PRI * HTTP/2.0" in text(run.pane))
        await run.press("v", "v", "w")
        assert isinstance(run.app.screen, SaveDialog)
        run.app.screen.query_one(Input).value = str(tmp_path / "stream")
        await run.press("enter")
        await run.until((tmp_path / "stream").exists)
        assert len((tmp_path / "stream").read_bytes()) == 6584 + 6683
        assert (tmp_path / "stream").stat().st_mode & 0o777 == 0o600


@pytest.mark.system
async def test_times_are_shown_in_other_ways() -> None:
    async with browsing() as run:
        shown = []
        for _ in range(6):
            shown.append(lines(run.frames)[3].split()[1:3])
            await run.press("t")
        assert shown[0] == ["+472", "µs"]
        assert shown[1][0] == "0.0018"
        assert shown[2][0] == "+0.000472"
        assert shown[4] == ["2026-11-22", "08:25:11.404"]
        assert shown[5][0] == "+0.000472"
        assert lines(run.frames)[3].split()[1:3] == shown[0]


@pytest.mark.system
async def test_filters_and_trees_work_again_after_their_programs_are_killed() -> None:
    async with browsing() as run:
        await to_packet(run)
        for child in psutil.Process().children():
            if child.name() in ("sharkd", "tshark"):
                os.kill(child.pid, signal.SIGKILL)
        await run.press("j", "j", "j")
        await run.until(lambda: "Frame 9" in text(run.pane))
        await run.press("slash")
        await run.type("http2.streamid == 5")
        await run.until(lambda: "2 of 223 packets" in run.counts)
        await run.press("enter")
        await run.press("right")
        assert run.list.id == CONNECTIONS


@pytest.mark.parametrize(("width", "least"), [(72, 14), (80, 20), (95, 20)])
def test_long_addresses_leave_room_for_the_info_column(width: int, least: int) -> None:
    line = PacketLine(1, 0.0, "00:50:56:c0:00:08", "fe80::a00:27ff:fe4e:66a1", "ICMPv6", 86, "Neighbor Solicitation")
    painter = RowPainter(PacketRows.columns)
    painter.measure([packet_row(line, Times())])
    *_, info = painter.slots(width)
    assert (PacketRows.columns[info.column].title, info.width >= least) == ("Info", True)
