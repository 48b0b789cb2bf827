"""Real captures of other gRPC stacks, decoded by the real tshark, against the records of their programs."""

from __future__ import annotations

import base64
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from inspector.model.call import Call, CallState, MethodSource
from inspector.model.frame import Endpoint, Header, HeaderSource
from inspector.store.store import Store
from tests.captures import DATA, SHARED, capture_of, read_store, read_truth, truth_files

pytestmark = pytest.mark.system

COMPLETE = [path for path in truth_files() if "truth" in read_truth(path)]


def every_method(store: Store) -> Counter[str | None]:
    return Counter(call.method for call in store.calls.values())


async def read_complete(path: Path) -> tuple[Store, dict[str, Any]]:
    """A capture without any option but its key log: ports must be found by themselves."""
    keys = path.with_suffix(".keys")
    store = await read_store(capture_of(path), keylog=keys if keys.exists() else None)
    return store, read_truth(path)


@pytest.mark.parametrize("path", COMPLETE, ids=lambda path: path.stem)
async def test_a_complete_capture_matches_the_record_of_its_programs(path: Path) -> None:
    store, told = await read_complete(path)
    truth = told["truth"]
    assert len(store.calls) == truth["calls"]
    assert every_method(store) == Counter(truth["by_method"])
    assert all(call.method_source is MethodSource.WIRE for call in store.calls.values())
    assert not any(connection.joined_late for connection in store.connections.values())
    if not path.stem.startswith("k_"):  # there the client stopped listening before the server stopped talking
        assert sum(len(call.requests) for call in store.calls.values()) == truth["request_messages"]
        assert sum(len(call.responses) for call in store.calls.values()) == truth["reply_messages"]


@pytest.mark.parametrize("path", [p for p in COMPLETE if "wire_oracle" in read_truth(p)], ids=lambda path: path.stem)
async def test_every_stream_matches_a_second_decoder(path: Path) -> None:
    store, told = await read_complete(path)
    oracle = told["wire_oracle"]
    assert Counter(frame.type_name for frame in store.frames) == Counter(oracle["frames"])
    for expected in oracle["per_stream"]:
        call = store.calls[expected["conn"], expected["stream"]]  # type: ignore[index]  # a key is such a pair
        assert described(call) == {name: expected[name] for name in described(call)}
        assert binary_metadata(call, expected["bin"]) == expected_binary(expected["bin"])


def described(call: Call) -> dict[str, Any]:
    """A call in the words of the second decoder."""
    return {
        "path": call.method,
        "http_status": None if call.http_status is None else str(call.http_status),
        "grpc_status": call.status.code if call.status else None,
        "grpc_message": call.status.message if call.status else "",
        "trailers_only": call.response_headers is None and call.trailers is not None,
        "request_messages": len(call.requests),
        "reply_messages": len(call.responses),
        "request_bytes": sum(message.length for message in call.requests),
        "reply_bytes": sum(message.length for message in call.responses),
        "compressed": sum(message.encoding is not None for message in (*call.requests, *call.responses)),
        "rst": None if call.state is not CallState.CANCELLED else {"code": 8, "by": "client"},
    }


def binary_metadata(call: Call, names: dict[str, str]) -> dict[str, str]:
    blocks = [block for block in (call.request_headers, call.response_headers, call.trailers) if block]
    return {name: value for block in blocks for name, value in block.headers if name in names}


def expected_binary(told: dict[str, str]) -> dict[str, str]:
    """True bytes, told in hex, and unpadded base64, both as padded base64."""
    return {
        name: base64.b64encode(bytes.fromhex(value[4:])).decode()
        if value.startswith("raw:")
        else value + "=" * (-len(value) % 4)
        for name, value in told.items()
    }


async def test_all_frames_of_a_packet_with_a_thousand_are_decoded() -> None:
    store = await read_store(DATA / "e_1000_go_go.pcapng")
    assert max(Counter(frame.packet for frame in store.frames).values()) == 1004


async def test_a_table_size_update_is_not_a_header() -> None:
    """A server of grpc-go behind nginx, which allows no table: reply and trailers are in one packet."""
    store = await read_store(DATA / "s_tablesize_nginx_go.pcap")
    (call,) = store.calls.values()
    assert call.http_status == 200
    assert call.status is not None
    assert call.status.code == 0
    assert call.trailers is not None
    assert call.trailers.headers == (("grpc-status", "0"), ("grpc-message", ""))


async def test_compressed_messages_are_inflated() -> None:
    store = await read_store(DATA / "g_gzip_node_node.pcapng")
    sent = [message for call in store.calls.values() for message in call.requests if message.encoding == "gzip"]
    assert {message.data for message in sent} >= {b"\x0a\x05node0\x10\x00", b"\x0a\x05node1\x10\x01", b"\x0a\x02c0"}


async def test_percent_encoded_status_messages_are_read() -> None:
    store = await read_store(DATA / "f_errors_node_node.pcapng")
    told = read_truth(DATA / "f_errors_node_node.json")
    messages = {call["grpc_message"] for call in told["calls"]}
    assert {call.status.message for call in store.calls.values() if call.status} == messages
    assert any(not message.isascii() for message in messages)


async def test_a_late_join_marks_its_guesses() -> None:
    store = await read_store(DATA / "a_mid.pcapng", 50101)
    assert all(connection.joined_late for connection in store.connections.values())
    assert len(store.calls) == 24
    assert {call.status_source for call in store.calls.values()} == {HeaderSource.GUESSED}
    sources = {source for frame in store.frames for _, source in frame.header_sources}
    assert sources == {HeaderSource.UNKNOWN, HeaderSource.GUESSED}
    notes = [note for frame in store.frames for _, note in frame.header_notes]
    assert any("has a reply" in note.reason or "had a reply" in note.reason for note in notes)


PARTIAL = [("a_mid", "a_full", 50101, 23), ("b_lost_req", "b_full", 0, 43), ("b_lost_reply", "b_full", 0, 43)]


@pytest.mark.parametrize(("name", "whole", "port", "methods"), PARTIAL)
async def test_headers_of_late_or_lossy_captures_are_true(name: str, whole: str, port: int, methods: int) -> None:
    store = await read_store(capture_of(DATA / f"{name}.json"), *([port] if port else []))
    source = next((path for path in truth_files() if path.stem == whole), None)
    if source is None:
        pytest.skip("the whole capture is not at hand")
    told = {(call["conn"], call["stream"]): call for call in read_truth(source)["wire_oracle"]["per_stream"]}
    true_headers = frames_as_told(await read_store(capture_of(source)))
    known = statuses = 0
    for key, call in store.calls.items():
        assert call.method in (None, told[key]["path"])
        assert call.status is None or call.status.code == told[key]["grpc_status"]
        known += call.method is not None
        statuses += call.status is not None
        for position in call.frames:
            frame = store.frames[position]
            unknown = {index for index, source in frame.header_sources if source is HeaderSource.UNKNOWN}
            for index, header in enumerate(frame.headers or ()):
                if index not in unknown:
                    assert header in true_headers[frame.stream, frame.source]
    assert known >= 0.95 * len(store.calls)
    assert statuses >= 0.95 * len(store.calls)
    assert known >= methods - 1


def frames_as_told(store: Store) -> dict[tuple[int, Endpoint], set[Header]]:
    """All headers of a stream and sender."""
    told: dict[tuple[int, Endpoint], set[Header]] = {}
    for frame in store.frames:
        told.setdefault((frame.stream, frame.source), set()).update(frame.headers or ())
    return told


@pytest.mark.skipif(not SHARED.exists(), reason="the project's captures are not at hand")
async def test_naming_a_placeholder_names_all_calls_that_share_it() -> None:
    store = await read_store(SHARED / "own" / "a_mid_go.pcapng", 50144)
    calls = [call for call in store.calls.values() if call.request_headers]
    assert {call.method for call in calls} == {None}
    assert len({call.path_entry for call in calls}) == 1
    assert calls[0].path_entry is not None
    assert {call.status_source for call in store.calls.values()} == {HeaderSource.GUESSED}


async def test_tls_without_keys_shows_no_calls() -> None:
    store = await read_store(DATA / "o_tls_node_go.pcapng")
    assert not store.frames
    assert store.packets > 0


@pytest.mark.skipif(not (SHARED / "third-party").exists(), reason="the captures of other projects are not at hand")
@pytest.mark.parametrize(
    ("name", "ports", "calls"),
    [
        ("grpc_person_search_protobuf_with_image.pcapng.gz", (50051,), 1),
        ("grpc_stream_reassembly_sample.pcapng.gz", (50051, 44363), 2),
        ("grpc-unary.pcap", (30035,), 1),
        ("grpc-unknown.pcap", (7000,), 1),
        ("http2-continuation--input.pcap", (8080,), 1),
        ("lucian-mixed_traffic_sample.pcapng", (8097,), 21),
    ],
)
async def test_captures_of_other_projects(name: str, ports: tuple[int, ...], calls: int) -> None:
    store = await read_store(SHARED / "third-party" / name, *ports)
    assert len(store.calls) == calls
