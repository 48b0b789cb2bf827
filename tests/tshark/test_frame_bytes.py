"""Every byte of a direction is a byte of a frame: tshark's frames against those that are cut from the bytes."""

from __future__ import annotations

import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.model.frame import FRAME_HEADER, Endpoint, Frame, FrameType
from tests.captures import DATA, read_store
from tests.frame_reader import CLIENT_PREFACE, FrameError, FrameReader, RawFrame, to_frame

_COLUMNS = ("frame.number", "frame.time_epoch", "tcp.stream", "ip.src", "ipv6.src", "tcp.srcport", "tcp.payload")
_HERE = Endpoint("10.0.0.1", 40000)


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
    found = [frame for frame in _read(DATA / name) if frame.connection in connections]
    assert list(map(_comparable, found)) == list(map(_comparable, expected))


def _read(capture: Path) -> Iterator[Frame]:
    """Read the frames of a capture in which no segment was lost or sent twice."""
    readers: defaultdict[tuple[str, Endpoint], FrameReader] = defaultdict(FrameReader)
    fields = [argument for column in _COLUMNS for argument in ("-e", column)]
    command = ["tshark", "-r", str(capture), "-Y", "tcp.len > 0", "-T", "fields", "-E", "separator=,", *fields]
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
        number, time, connection, ipv4, ipv6, port, payload = line.split(",")
        source = Endpoint(ipv4 or ipv6, int(port))
        data = bytes.fromhex(payload).removeprefix(CLIENT_PREFACE)
        for raw in readers[connection, source].feed(data):
            yield to_frame(raw, int(number), float(time), int(connection), source)


def _comparable(frame: Frame) -> tuple[object, ...]:
    # tshark gives no bytes of a CONTINUATION, and its own frames have their headers decoded.
    payload = b"" if frame.type == FrameType.CONTINUATION else frame.payload
    return frame.packet, frame.source, frame.stream, frame.type, frame.flags, frame.length, payload, frame.detail


_frames = st.builds(
    RawFrame, st.integers(0, 255), st.integers(0, 255), st.integers(0, 2**31 - 1), st.binary(max_size=300)
)


@given(st.lists(_frames, max_size=8), st.binary(max_size=8), st.data())
def test_frames_are_the_same_in_whatever_pieces_they_arrive(
    frames: list[RawFrame], rest: bytes, data: st.DataObject
) -> None:
    wire = b"".join(map(_written, frames)) + rest
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=10)))
    reader = FrameReader()
    found = [
        frame
        for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True)
        for frame in reader.feed(wire[start:end])
    ]
    assert found == frames
    assert reader.unfinished == len(rest)


@given(_frames)
def test_a_payload_is_read_or_refused(raw: RawFrame) -> None:
    try:
        frame = to_frame(raw, 1, 0.0, 0, _HERE)
    except FrameError:
        return
    assert frame.length == len(raw.payload) >= len(frame.payload)


def test_the_reserved_bit_is_not_part_of_the_stream() -> None:
    (raw,) = FrameReader().feed(bytes.fromhex("000000 04 01 80000001"))
    assert raw.stream == 1


@pytest.mark.parametrize(
    ("kind", "flags", "payload"),
    [(0, 8, "05 00"), (0, 8, ""), (1, 8, "02 00"), (3, 0, "000000"), (4, 0, "0001"), (7, 0, "00000000"), (8, 0, "")],
)
def test_payloads_that_their_type_does_not_allow_are_refused(kind: int, flags: int, payload: str) -> None:
    with pytest.raises(FrameError):
        to_frame(RawFrame(kind, flags, 1, bytes.fromhex(payload)), 1, 0.0, 0, _HERE)


def _written(frame: RawFrame) -> bytes:
    header = len(frame.payload).to_bytes(3, "big") + bytes((frame.type, frame.flags)) + frame.stream.to_bytes(4, "big")
    assert len(header) == FRAME_HEADER
    return header + frame.payload
