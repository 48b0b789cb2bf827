"""What the app says, and lets a person put right, where the capture does not tell all."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from inspector.model.call import MethodSource
from inspector.model.frame import Side
from inspector.schema.catalog import greet_files
from inspector.session import Phase
from inspector.ui.dialogs.choice import ChoiceDialog
from inspector.ui.lists.listing import CALLS
from inspector.ui.widgets.notice import LateBanner
from tests.captures import DATA
from tests.conversation import hello
from tests.tshark.test_reordered import records
from tests.ui_running import Running, reading, text
from tests.wire import Wire, data

pytestmark = pytest.mark.system


def late_capture(folder: Path) -> Path:
    """Three calls of one method, joined behind the first of four: its path is an entry never seen."""
    wire = Wire()
    wire.begin()
    first = ((":method", "POST"), (":scheme", "http"), (":path", "/a.B/C"), (":authority", "localhost"))
    more = (("content-type", "application/grpc"), ("user-agent", "grpc-go/1.33"), ("te", "trailers"))
    for stream in (1, 3, 5, 7):
        wire.client(wire.headers(Side.CLIENT, stream, *first, *more), data(stream, hello("a"), end=True))
        wire.server(wire.headers(Side.SERVER, stream, (":status", "200"), ("grpc-status", "0"), end=True))
    header, all_records = records(wire.write(folder / "whole.pcap"))
    path = folder / "late.pcap"
    path.write_bytes(header + b"".join(all_records[9:]))
    return path


def banner(run: Running) -> str:
    found = run.screen.query_one(LateBanner)
    return str(found.content) if found.display else ""


async def chosen(run: Running, *keys: str) -> None:
    """Press keys in a dialog, and wait until it is gone."""
    await run.until(lambda: isinstance(run.app.screen, ChoiceDialog))
    await run.press(*keys)
    await run.until(lambda: not isinstance(run.app.screen, ChoiceDialog))


async def test_a_late_join_is_said_in_one_line_until_esc() -> None:
    async with reading(DATA / "a_mid.pcapng") as run:
        await run.until(lambda: "Joined 1 connection late: of 24 calls" in banner(run))
        await run.loaded()
        assert "the method is unknown for 1; the status is guessed for 24." in banner(run)
        await run.press("escape")
        assert banner(run) == ""


async def test_what_is_certain_needs_no_line() -> None:
    async with reading(DATA / "f_errors_node_node.pcapng") as run:
        await run.loaded()
        assert banner(run) == ""


async def test_a_method_named_by_hand_is_that_of_all_that_share_it_until_it_is_taken_back(tmp_path: Path) -> None:
    async with reading(late_capture(tmp_path)) as run:
        await run.loaded()
        calls = list(run.session.store.calls.values())
        assert [call.method for call in calls] == [None] * 3
        await run.press("M")
        await chosen(run, *"a.B", "slash", "C", "enter")
        assert [(call.method, call.method_source) for call in calls] == [("/a.B/C", MethodSource.GUESSED)] * 3
        await run.until(lambda: "the method is guessed for 3" in banner(run))
        await run.until(lambda: "named by hand" in text(run.pane))
        await run.press("M")
        await chosen(run, "enter")
        assert [call.method for call in calls] == [None] * 3
        await run.until(lambda: "the method is unknown for 3" in banner(run))


async def test_a_schema_that_changes_is_read_for_all_that_is_shown(tmp_path: Path) -> None:
    async with reading(late_capture(tmp_path)) as run:
        await run.loaded()
        await run.turn_to(CALLS)
        await run.press("o", "o")  # by method
        catalog = run.screen.launch.catalog
        file = greet_files().file[0]
        file.package, (method,) = "shop", file.service[0].method
        method.input_type, method.output_type = ".shop.HelloRequest", ".shop.HelloReply"
        catalog.add(FileDescriptorSet(file=[file]), "shop.proto")
        await run.press("f6")
        await run.until(lambda: "the method is guessed for 3" in banner(run))
        await run.until(lambda: text(run.list).count("HelloWorld/greet (guessed)") == 3)
        await run.until(lambda: "HelloRequest" in text(run.pane))


async def test_what_was_read_on_the_wire_is_not_named() -> None:
    async with reading(DATA / "f_errors_node_node.pcapng") as run:
        await run.loaded()
        await run.press("M")
        assert not isinstance(run.app.screen, ChoiceDialog)


@pytest.mark.parametrize(("name", "port"), [("f_errors_node_node.pcapng", "50108"), ("i_classic.pcap.gz", "50102")])
async def test_a_port_is_decoded_as_a_person_says(name: str, port: str) -> None:
    async with reading(DATA / name) as run:
        await run.loaded()
        first, count = run.session, len(run.session.store.frames)
        await run.press("d")
        await chosen(run, "f8")
        await run.until(lambda: run.session is not first and run.session.status.phase is Phase.ENDED)
        assert not run.session.store.frames
        assert run.session.store.packets == first.store.packets
        await run.press("d")
        await chosen(run, *port, "enter")
        await run.until(lambda: len(run.session.store.frames) == count)
        await run.until(lambda: run.frames.count > 0)
        assert len(run.app.screen_stack) == 2
