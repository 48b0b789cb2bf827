"""Saving and exporting from the screen; what was saved is read back by Wireshark's own programs and by JSON parsers."""

from __future__ import annotations

import json
import subprocess
import xml.dom.minidom
from html.parser import HTMLParser
from pathlib import Path

import pytest
from textual.widgets import Checkbox, Input, OptionList

from inspector.present.export.json import call_object, frame_object
from inspector.present.export.text import follow_lines
from inspector.present.follow import Follow
from inspector.schema.catalog import Catalog
from inspector.session import FileSource, Session
from inspector.ui.dialogs.files import ExportDialog
from inspector.ui.launch import Launch
from inspector.ui.lists.listing import CALLS
from tests.captures import DATA
from tests.pcap.test_export import fields
from tests.small_disk import disk_of
from tests.ui_running import NARROW, Running, reading, running

pytestmark = pytest.mark.system

CAPTURE = DATA / "b_full.pcapng"


def offered(run: Running) -> list[str]:
    return [str(each.prompt).split("   ")[0].strip() for each in run.app.screen.query_one(OptionList).options]


def note(run: Running) -> str:
    return str(run.app.screen.query_one("#dialog-note").content)  # type: ignore[attr-defined]


def said(run: Running) -> list[str]:
    return [str(each.message) for each in run.app._notifications]


async def export(run: Running, what: str, path: Path) -> None:
    """Save something by the keyboard, and wait until it is there."""
    before = {each.identity for each in run.app._notifications}
    await run.press("ctrl+s")
    await run.until(lambda: isinstance(run.app.screen, ExportDialog) and run.app.screen.query_one(OptionList).options)
    await run.press(*["down"] * next(index for index, each in enumerate(offered(run)) if each.startswith(what)))
    run.app.screen.query_one(Input).value = str(path)
    await run.press("enter")

    def is_done() -> bool:
        news = [each for each in run.app._notifications if each.identity not in before]
        return any("is being written" not in each.message for each in news) or bool(run.notice)

    await run.until(is_done)


def names_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


async def test_packets_shown_marked_of_a_call_and_of_a_connection(tmp_path: Path) -> None:
    async with reading(CAPTURE, NARROW) as run:
        await run.loaded()
        await export(run, "Capture, call 0/1", tmp_path / "call.pcapng")
        assert said(run)[-1] == f"Saved 6 packets as {tmp_path}/call.pcapng (pcapng)."
        assert len(fields(tmp_path / "call.pcapng", "frame.number")) == 6
        await export(run, "Capture, connection 0", tmp_path / "connection.pcapng")
        assert fields(tmp_path / "connection.pcapng", "tcp.seq_raw") == fields(CAPTURE, "tcp.seq_raw")
        await run.press("m", "j", "j", "m", "left", "j", "m")
        assert run.list.id == CALLS
        await export(run, "Capture, marked", tmp_path / "marked.pcapng")
        marked = fields(tmp_path / "marked.pcapng", "frame.time_epoch")
        every = fields(CAPTURE, "frame.time_epoch")
        assert {every[6 - 1], every[9 - 1], every[12 - 1], every[15 - 1]} <= set(marked)
        await run.press("slash")
        await run.type("stream:15")
        await run.until(lambda: run.frames.count == 5)
        await run.press("enter")
        await export(run, "Capture, packets shown", tmp_path / "shown.pcapng")
        assert len(fields(tmp_path / "shown.pcapng", "frame.number")) == 2
        assert (tmp_path / "shown.pcapng").stat().st_mode & 0o777 == 0o600


async def test_what_the_packets_tab_shows(tmp_path: Path) -> None:
    async with reading(CAPTURE) as run:
        await run.loaded()
        await run.press("p")
        await run.until(lambda: run.list.count == 223)
        await export(run, "Capture, packets shown", tmp_path / "shown.pcapng")
        assert fields(tmp_path / "shown.pcapng", "tcp.seq_raw") == fields(CAPTURE, "tcp.seq_raw")


async def test_objects_are_those_of_the_commands(tmp_path: Path) -> None:
    async with reading(CAPTURE) as run:
        await run.loaded()
        store, catalog = run.session.store, run.screen.launch.catalog
        await export(run, "Frames as JSON", tmp_path / "frames.jsonl")
        frames = [json.loads(line) for line in (tmp_path / "frames.jsonl").read_text().splitlines()]
        positions = [run.frames.rows.key(row) for row in range(run.frames.count)]
        assert frames == [json.loads(json.dumps(frame_object(store, each))) for each in positions]
        await export(run, "Calls as JSON", tmp_path / "calls.jsonl")
        calls = [json.loads(line) for line in (tmp_path / "calls.jsonl").read_text().splitlines()]
        assert calls == [json.loads(json.dumps(call_object(store, catalog, key))) for key in store.calls]
        await export(run, "Messages as JSON", tmp_path / "messages.jsonl")
        messages = [json.loads(line) for line in (tmp_path / "messages.jsonl").read_text().splitlines()]
        assert len(messages) == sum(len(each["requests"]) + len(each["responses"]) for each in calls)
        own = ("connection", "stream", "method", "sender")
        first = {name: value for name, value in messages[0].items() if name not in own}
        assert first == calls[0]["requests"][0]


class _Text(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.said = ""
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.said += data


async def test_views_and_messages_of_a_call(tmp_path: Path) -> None:
    async with reading(CAPTURE) as run:
        await run.loaded()
        call = run.screen.browser.call
        assert call is not None
        await export(run, "Messages of call", tmp_path / "messages")
        names = sorted(each.name for each in (tmp_path / "messages").iterdir())
        assert names == ["001-request.bin", "002-response.bin"]
        assert (tmp_path / "messages" / "001-request.bin").read_bytes() == call.requests[0].data
        assert (tmp_path / "messages" / "002-response.bin").read_bytes() == call.responses[0].data
        await export(run, "Messages of call", tmp_path / "messages")
        assert "is not empty" in run.notice
        await run.press("escape")
        await export(run, "Follow of call 0/1 as text", tmp_path / "follow.txt")
        view = Follow(run.session.store, run.screen.launch.catalog, call.key)
        assert (tmp_path / "follow.txt").read_text().splitlines() == list(follow_lines(view))
        await export(run, "Follow of call 0/1 as HTML", tmp_path / "follow.html")
        page = _Text((tmp_path / "follow.html").read_text())
        assert ":path: /peers.v1.Greeter/SayHello" in page.said
        assert "script" not in page.tags
        await export(run, "Screen as SVG", tmp_path / "screen.svg")
        picture = xml.dom.minidom.parse(str(tmp_path / "screen.svg"))
        assert "SayHello" in picture.toxml().replace("&#160;", " ")


@pytest.fixture
def keyed(tmp_path: Path) -> Path:
    """A capture with its TLS keys in it."""
    made, keys, source = tmp_path / "keyed.pcapng", DATA / "o_tls_node_go.keys", DATA / "o_tls_node_go.pcapng"
    subprocess.run(["editcap", "--inject-secrets", f"tls,{keys}", source, made], check=True, capture_output=True)
    return made


async def test_keys_are_left_out_unless_they_are_asked_for(keyed: Path, tmp_path: Path) -> None:
    async with running(Launch(lambda: Session(FileSource(keyed)), Catalog())) as run:
        await run.loaded()
        await export(run, "Capture, all", tmp_path / "bare.pcapng")
        assert "without the TLS keys" in said(run)[-1]
        assert not any(fields(tmp_path / "bare.pcapng", "http2.type"))
        await run.press("ctrl+s")
        run.app.screen.query_one(Input).value = str(tmp_path / "kept.pcapng")
        await run.pilot.click("#keys")
        assert run.app.screen.query_one(Checkbox).value
        await run.press("shift+tab", "enter")
        await run.until((tmp_path / "kept.pcapng").exists)
        assert fields(tmp_path / "kept.pcapng", "http2.type") == fields(keyed, "http2.type")


async def test_by_mouse_and_what_is_refused(tmp_path: Path) -> None:
    async with reading(CAPTURE, NARROW) as run:
        await run.loaded()
        await run.press("ctrl+s")
        await run.until(lambda: isinstance(run.app.screen, ExportDialog) and run.app.screen.query_one("#ways").size)
        field = run.app.screen.query_one(Input)
        assert field.value.endswith(".pcapng")
        row = next(index for index, each in enumerate(offered(run)) if each.startswith("Calls as"))
        await run.pilot.click("#ways", offset=(3, row))
        assert field.value.endswith("-calls.jsonl")
        for value, words in (
            (str(tmp_path), "is a folder; enter the name of a file"),
            (str(tmp_path / "no" / "where"), "There is no folder"),
            ("", "Enter the name of a file."),
        ):
            field.value = value
            field.focus()
            await run.press("enter")
            assert words in note(run)
        field.value = str(tmp_path / "calls.jsonl")
        await run.pilot.click("#ways", offset=(3, row))
        await run.until((tmp_path / "calls.jsonl").exists)
        assert len((tmp_path / "calls.jsonl").read_text().splitlines()) == len(run.session.store.calls)


async def test_a_full_disk_is_said_in_a_sentence_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async with reading(CAPTURE) as run:
        await run.loaded()
        await run.press("f")
        for what in (
            "Capture, all",
            "Calls as JSON",
            "Messages of call",
            "Follow of call 0/1 as HTML",
            "Screen as SVG",
        ):
            with disk_of(4):
                await export(run, what, tmp_path / "saved")
            assert "cannot be saved: File too large." in run.notice
            assert names_in(tmp_path) == []
            await run.press("escape")
        await export(run, "Frames as JSON", Path("/proc/none.jsonl"))
        assert "Nothing can be saved in /proc" in run.notice
