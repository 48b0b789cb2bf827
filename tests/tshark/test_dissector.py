"""Single packets dissected and display filters checked: by the real sharkd, and by tshark without it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from inspector.capture.capture_file import CaptureFile, open_capture
from inspector.capture.spool import Spool
from inspector.errors import FilterError, TsharkError
from inspector.model.dissection import Dissection, Field
from inspector.session.packets import Packets
from inspector.tshark import sharkd
from inspector.tshark.binary import Decoding, Tshark, find_tshark
from inspector.tshark.display_filter import DisplayFilterService
from inspector.tshark.dissector import DiskRecording, Dissector, read_pdml
from inspector.tshark.process import Bounds
from inspector.tshark.sharkd import read_frame
from tests.bench.recording import packets_of
from tests.captures import DATA, write_copies

CAPTURE = DATA / "b_full.pcapng"
PORT = json.loads((DATA / "b_full.json").read_text())["port"]


def without_sharkd(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Tshark:
    alone = folder / "tshark"
    alone.symlink_to(find_tshark().path)
    monkeypatch.setenv("PATH", str(folder))
    return Tshark(str(alone))


@pytest.fixture(params=["sharkd", "tshark"])
def tshark(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tshark:
    """A tshark with sharkd beside it, and one without."""
    found = find_tshark()
    if request.param == "tshark":
        return without_sharkd(tmp_path, monkeypatch)
    if sharkd.find_sharkd(found) is None:
        pytest.skip("sharkd is not installed")
    return found


def recording(path: Path) -> DiskRecording:
    opened = open_capture(str(path))
    assert isinstance(opened, CaptureFile)
    return opened


def dissector(tshark: Tshark, path: Path = CAPTURE, *ports: int, notices: list[str] | None = None) -> Dissector:
    said = [] if notices is None else notices
    return Dissector(tshark, recording(path), lambda: Decoding(frozenset(ports or (PORT,))), said.append)


def outline(dissection: Dissection) -> list[str]:
    return [layer.name for layer in dissection.layers]


def all_fields(fields: tuple[Field, ...]) -> list[Field]:
    return [each for field in fields for each in (field, *all_fields(field.children))]


@pytest.mark.system
async def test_all_layers_with_the_bytes_of_each_field(tshark: Tshark) -> None:
    at = dissector(tshark)
    packet = await at.dissect(9)
    await at.close()
    assert outline(packet) == ["frame", "eth", "ip", "tcp", "http2", "http2", "grpc", "protobuf", "http2"]
    data = packet.sources[0].data
    assert len(data) == 215
    port = packet.first("tcp.srcport")
    assert port is not None
    assert (port.label, port.filter) == ("Source Port: 50102", "tcp.srcport == 50102")
    assert int.from_bytes(data[port.start : port.start + port.length], "big") == 50102
    value = packet.first("http2.header.value")
    assert value is not None
    assert value.label == "Value: 200"
    path = packet.path_at(0, port.start)
    assert path is not None
    assert packet.field(path) == port
    for field in all_fields(packet.layers):
        size = len(packet.sources[field.source].data)
        assert 0 <= field.start <= field.start + field.length <= size


@pytest.mark.system
async def test_both_ways_show_the_same_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = find_tshark()
    if sharkd.find_sharkd(found) is None:
        pytest.skip("sharkd is not installed")
    by_sharkd = dissector(found)
    shown = await by_sharkd.dissect(12)
    await by_sharkd.close()
    other = await dissector(without_sharkd(tmp_path, monkeypatch)).dissect(12)
    assert shown.sources[0].data == other.sources[0].data
    labels = [each.label for each in all_fields(shown.layers) if each.length and not each.source]
    others = {each.label for each in all_fields(other.layers)}
    assert [label for label in labels if label not in others] == []


@pytest.mark.system
async def test_one_that_is_killed_is_started_again() -> None:
    found = find_tshark()
    if sharkd.find_sharkd(found) is None:
        pytest.skip("sharkd is not installed")
    notices: list[str] = []
    at = dissector(found, notices=notices)
    before = await at.dissect(9)
    (child,) = [each for each in psutil.Process().children() if each.name() == "sharkd"]
    os.kill(child.pid, signal.SIGKILL)
    assert await at.dissect(9) == before
    assert notices == []
    await at.close()
    assert not [each for each in psutil.Process().children() if each.name() == "sharkd"]


@pytest.mark.system
async def test_a_growing_recording_is_loaded_again_and_a_missing_packet_is_an_error(tshark: Tshark) -> None:
    spool, data = Spool.create(), CAPTURE.read_bytes()
    spool.append(data[:9000])
    at = Dissector(tshark, spool, lambda: Decoding(frozenset({PORT})), lambda _notice: None)
    assert (await at.dissect(9)).number == 9
    with pytest.raises(TsharkError, match="not in the capture file"):
        await at.dissect(200)
    spool.append(data[9000:])
    assert len((await at.dissect(223)).sources[0].data) == 66
    await at.close()
    spool.discard()


@pytest.mark.system
async def test_a_capture_that_is_cut_short_is_read_as_far_as_it_goes(tshark: Tshark) -> None:
    at = dissector(tshark, DATA / "i_truncated_half.pcapng")
    assert (await at.dissect(100)).number == 100
    await at.close()


@pytest.mark.system
async def test_a_thousand_frames_in_a_packet(tshark: Tshark) -> None:
    port = json.loads((DATA / "e_1000_go_go.json").read_text())["port"]
    at = dissector(tshark, DATA / "e_1000_go_go.pcapng", port)
    packet = await at.dissect(12)
    await at.close()
    assert outline(packet).count("http2") == 1_004


@pytest.mark.system
async def test_a_deleted_file_is_read_by_its_open_descriptor(tmp_path: Path) -> None:
    copy = tmp_path / "copy.pcapng"
    shutil.copy(CAPTURE, copy)
    notices: list[str] = []
    at = dissector(find_tshark(), copy, notices=notices)
    copy.unlink()
    assert outline(await at.dissect(9))[:4] == ["frame", "eth", "ip", "tcp"]
    await at.close()
    assert len(notices) == 1


@pytest.mark.system
async def test_keys_of_tls_are_used() -> None:
    truth = json.loads((DATA / "o_tls_node_go.json").read_text())
    decoding = Decoding(tls_ports=frozenset({truth["port"]}), keylog=DATA / "o_tls_node_go.keys")
    at = Dissector(find_tshark(), recording(DATA / "o_tls_node_go.pcapng"), lambda: decoding, lambda _notice: None)
    found = [outline(await at.dissect(number)) for number in range(10, 25)]
    await at.close()
    assert any("http2" in layers for layers in found)


@pytest.mark.system
async def test_cancelled_requests_do_not_block_later_ones() -> None:
    at = dissector(find_tshark())
    tasks = [asyncio.create_task(at.dissect(number)) for number in range(1, 12)]
    await asyncio.sleep(0)
    for task in tasks[:-1]:
        task.cancel()
    assert (await tasks[-1]).number == 11
    assert (await at.dissect(3)).number == 3
    await at.close()


def said_of_filter(tshark: Tshark, text: str) -> str:
    argv = (tshark.path, "-r", str(CAPTURE), "-Y", text)
    return subprocess.run(argv, capture_output=True, text=True, check=False).stderr


@pytest.mark.system
async def test_filters_are_checked_in_wiresharks_words(tshark: Tshark) -> None:
    grammar = DisplayFilterService(tshark)
    for good in ("tcp.port == 1", 'http2.header.value contains "日本"', "not (tcp or udp)", "tcp[0:2] == 00:01"):
        await grammar.check(good)
    for text, named in (("tcp.port = ", '"="'), ("foo == 1", "foo"), ('http2.streamid == "abc"', '"abc"')):
        with pytest.raises(FilterError) as caught:
            await grammar.check(text)
        assert named in caught.value.message
        assert caught.value.message in said_of_filter(tshark, text)
    with pytest.raises(FilterError, match="too long"):
        await grammar.check("tcp or " * 1_000 + "tcp")
    await grammar.close()


@pytest.mark.system
async def test_names_are_completed(tshark: Tshark) -> None:
    grammar = DisplayFilterService(tshark)
    names = [each.name for each in await grammar.complete("http2.str")]
    assert names == ["http2.stream", "http2.stream_dependency", "http2.streamid"]
    assert (await grammar.complete("grpc"))[0] == ("grpc", "GRPC Message")
    assert await grammar.complete("") == await grammar.complete("no.such.field") == ()
    await grammar.close()


def test_answers_that_make_no_sense_are_bounded() -> None:
    answer = b'{"tree":[{"l":"x","h":[5,900],"ds":3,"n":[{"h":[-4,2]}]}],"bytes":"AAECAwQFBgc=","ds":[{"bytes":"!"}]}'
    packet = read_frame(1, answer)
    assert (packet.layers[0].start, packet.layers[0].length) == (0, 0)
    assert packet.layers[0].children[0].start == 0
    assert read_pdml(1, b"<pdml><packet><proto") is None
    assert read_pdml(1, b"<packet><a></packet>") is None


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A capture that is read for seconds."""
    monkeypatch.setattr("inspector.tshark.dissector._LARGE", 1 << 20)
    return write_copies(400, tmp_path)


@pytest.mark.system
async def test_a_packet_at_the_beginning_does_not_wait_until_all_is_read(large: Path) -> None:
    at = dissector(find_tshark(), large, 50102)
    asking = asyncio.create_task(at.dissect(3))
    stopped: list[psutil.Process] = []
    try:
        while not (stopped or asking.done()):
            children = psutil.Process().children()
            stopped = [child for child in children if child.name() == "sharkd" and at.is_loading]
            await asyncio.sleep(0.005)
        for child in stopped:
            child.suspend()
        assert (await asking).number == 3
    finally:
        for child in stopped:
            child.resume()
        await at.close()


@pytest.mark.system
async def test_a_program_with_too_much_memory_is_ended_and_reported(large: Path) -> None:
    said: list[str] = []
    last, decoding = sum(1 for _ in packets_of(large)), Decoding(frozenset({50102}))
    packets = Packets(lambda: decoding, said.append, Bounds(memory=1))
    packets.attach(find_tshark(), recording(large))
    sentence = r"more than its 0 MB of memory\. Raise the limit with --memory"
    try:
        with pytest.raises(TsharkError, match=sentence):
            await packets.dissect(last)
        assert len(said) == 1
        assert "tshark dissects packets instead" in said[0]
        with pytest.raises(TsharkError, match=sentence):
            await packets.read_list(lambda: None)
        assert len(packets.list) < last
    finally:
        await packets.close()
