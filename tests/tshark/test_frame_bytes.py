"""Every byte of a direction is a byte of a frame: tshark's frames against those that hyperframe reads."""

from __future__ import annotations

import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from hyperframe import frame as hyperframe

from inspector.model.frame import FRAME_HEADER, SETTING_NAMES, Endpoint, Frame, FrameType, error_name
from tests.captures import DATA, read_store
from tests.wire import PREFACE

_COLUMNS = ("frame.number", "tcp.stream", "ip.src", "ipv6.src", "tcp.srcport", "tcp.payload")


@pytest.mark.system
@pytest.mark.parametrize(
    "name",
    [
        "b_full.pcapng",
        "e_1000_go_go.pcapng",
        "h_bin_py_py.pcapng",
        "k_cancel_node_node.pcapng",
        "t_five_java_java.pcap",
    ],
)
async def test_the_frames_of_tshark_are_those_of_the_bytes(name: str) -> None:
    store = await read_store(DATA / name)
    expected = list(store.frames)
    connections = {frame.connection for frame in expected}
    found = [frame for frame in _read(DATA / name) if frame[1] in connections]
    assert found == list(map(_comparable, expected))


def _read(capture: Path) -> Iterator[tuple[object, ...]]:
    """Read the frames of a capture in which no segment was lost or sent twice."""
    unfinished: defaultdict[tuple[str, Endpoint], bytes] = defaultdict(bytes)
    fields = [argument for column in _COLUMNS for argument in ("-e", column)]
    command = ["tshark", "-r", str(capture), "-Y", "tcp.len > 0", "-T", "fields", "-E", "separator=,", *fields]
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
        number, connection, ipv4, ipv6, port, payload = line.split(",")
        source = Endpoint(ipv4 or ipv6, int(port))
        data = unfinished[connection, source] + bytes.fromhex(payload).removeprefix(PREFACE)
        while len(data) >= FRAME_HEADER:
            frame, length = hyperframe.Frame.parse_frame_header(memoryview(data[:FRAME_HEADER]))
            end = FRAME_HEADER + length
            if end > len(data):
                break
            frame.parse_body(memoryview(data[FRAME_HEADER:end]))
            header = frame.stream_id, data[3], data[4], length
            yield int(number), int(connection), source, *header, _payload(frame), _detail(frame)
            data = data[end:]
        unfinished[connection, source] = data


def _payload(frame: hyperframe.Frame) -> bytes:
    """Return what `Frame.payload` has of it: without padding, and empty for most types."""
    return frame.data if isinstance(frame, hyperframe.DataFrame | hyperframe.HeadersFrame) else b""


def _detail(frame: hyperframe.Frame) -> dict[str, object] | None:
    """Return what a type has of its own, as in `Frame.detail`."""
    detail: dict[str, object] | None = None
    match frame:
        case hyperframe.HeadersFrame() if "PRIORITY" in frame.flags:
            detail = _priority(frame)
        case hyperframe.PriorityFrame():
            detail = _priority(frame)
        case hyperframe.SettingsFrame(settings=settings):
            named = {SETTING_NAMES.get(setting) or f"0x{setting:x}": value for setting, value in settings.items()}
            detail = {"ack": "ACK" in frame.flags, "settings": named}
        case hyperframe.PingFrame(opaque_data=opaque):
            detail = {"ack": "ACK" in frame.flags, "opaque": opaque.hex()}
        case hyperframe.RstStreamFrame(error_code=error):
            detail = {"error": error_name(error)}
        case hyperframe.GoAwayFrame(error_code=error, last_stream_id=last, additional_data=debug):
            detail = {"error": error_name(error), "last_stream": last, "debug": debug.decode()}
        case hyperframe.WindowUpdateFrame(window_increment=increment):
            detail = {"increment": increment}
    return detail


def _priority(frame: hyperframe.HeadersFrame | hyperframe.PriorityFrame) -> dict[str, object]:
    return {"dependency": frame.depends_on, "weight": frame.stream_weight + 1, "exclusive": frame.exclusive}


def _comparable(frame: Frame) -> tuple[object, ...]:
    # tshark gives no bytes of a CONTINUATION.
    payload = b"" if frame.type == FrameType.CONTINUATION else frame.payload
    header = frame.stream, frame.type, frame.flags, frame.length
    return frame.packet, frame.connection, frame.source, *header, payload, frame.detail
