"""Invariants of the protocol and the views: any frames, in any order, can be assembled and shown."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from inspector.http2 import events
from inspector.http2.assembler import Assembler
from inspector.http2.events import Event
from inspector.model.call import StreamKey
from inspector.model.frame import (
    HEADER_TYPES,
    SETTING_NAMES,
    Endpoint,
    Frame,
    FrameType,
    HeaderSource,
    Packet,
    TcpEvent,
)
from inspector.present.detail import Dump, frame_detail, message_detail
from inspector.present.export.json import call_object, frame_object, json_line
from inspector.present.export.text import follow_lines, row_line
from inspector.present.follow import Follow
from inspector.present.rows import CALL_COLUMNS, FRAME_COLUMNS, call_row, frame_row
from inspector.present.times import Times
from inspector.schema.catalog import Catalog
from inspector.store.store import Store
from tests.conversation import BEGAN, CLIENT, SERVER, hello, prefixed

CATALOG = Catalog()
ENDS = (CLIENT, SERVER, Endpoint("", 0), Endpoint("127.0.0.1", 65535))

names = st.sampled_from(
    (
        *(":method", ":path", ":status", ":authority", "content-type", "grpc-status", "grpc-message", "grpc-encoding"),
        *("grpc-timeout", "grpc-status-details-bin", "x-bin", "<unknown>", "", "\ud800"),
    )
)
values = st.one_of(
    st.sampled_from(("/HelloWorld/greet", "200", "100", "0", "5", "application/grpc", "application/grpc-web-text"))
    | st.sampled_from(("gzip", "99999999999", "%zz%e3", "\x1b[2J", "[/b]", "1H", "CAUSBWhlbGxv", "\udfff")),
    st.text(max_size=8),
)
blocks = st.lists(
    st.one_of(
        st.sampled_from((b"\x82\x86\x84", b"\xbe\xbf\xc0", b"\x88", b"\xc1", b"\x00\x01a\x01b", b"\x3f\xe1\x1f"))
        | st.sampled_from((b"\x44\x02/a", b"\x40\x0bgrpc-status\x010", b"\x7e\x00", b"\xff\xff\xff\xff\xff\x0f")),
        st.binary(max_size=6),
    ),
    max_size=5,
).map(b"".join)
bodies = st.one_of(
    st.sampled_from((hello("x"), hello("split")[:8], prefixed(b"\x1f\x8b\x08", compressed=True), b"\x80\0\0\0\4a:b\n")),
    st.binary(max_size=20),
)
numbers = st.integers(0, 0xFFFFFFFF)


@st.composite
def details(draw: st.DrawFn, kind: int) -> dict[str, object] | None:
    """What frames of a type have of their own, of any values."""
    if kind == FrameType.SETTINGS:
        settings = draw(st.dictionaries(st.sampled_from((*SETTING_NAMES.values(), "0x99")), numbers, max_size=3))
        return {"ack": draw(st.booleans()), "settings": settings}
    if kind == FrameType.RST_STREAM:
        return {"error": draw(values)}
    if kind == FrameType.GOAWAY:
        return {"error": draw(values), "last_stream": draw(numbers), "debug": draw(st.text(max_size=9))}
    if kind == FrameType.PING:
        return {"ack": draw(st.booleans()), "opaque": draw(st.text("0123456789abcdef", max_size=16))}
    return {"increment": draw(numbers)} if kind == FrameType.WINDOW_UPDATE else None


@st.composite
def frames(draw: st.DrawFn, number: int, time: float, connection: int, source: Endpoint) -> Frame:
    kind = draw(st.sampled_from((0, 0, 1, 1, 1, 9, *FrameType, 0xAB)))
    carries = kind in HEADER_TYPES
    headers = tuple(draw(st.lists(st.tuples(names, values), max_size=5))) if carries else None
    places = st.integers(0, len(headers or ()) - 1) if headers else st.nothing()
    marked = draw(st.lists(st.tuples(places, st.sampled_from(HeaderSource)), max_size=2)) if headers else []
    return Frame(
        number,
        time,
        connection,
        source,
        draw(st.sampled_from((0, 1, 1, 3, 0x7FFFFFFF))),
        kind,
        draw(st.sampled_from((0, 1, 4, 5, 0x0C, 0x25, 255))),
        draw(st.integers(0, 40) | st.just((1 << 24) - 1)),
        headers,
        tuple(dict(marked).items()),
        draw(blocks if carries else bodies) if kind == FrameType.DATA or carries else b"",
        draw(details(kind)),
    )


@st.composite
def packets(draw: st.DrawFn) -> list[Packet]:
    found = []
    for number in range(1, draw(st.integers(0, 10)) + 1):
        source, destination = draw(st.permutations(ENDS[:2]) | st.permutations(ENDS))[:2]
        connection = draw(st.sampled_from((0, 0, 0, 1, None)))
        time = BEGAN + draw(st.sampled_from((number, -number, 0, 1e12)))
        tcp = draw(st.sampled_from((0, 0, 0, TcpEvent.GAP)) | st.integers(0, 63))
        of_packet = frames(number, time, connection or 0, source)
        inside = tuple(draw(st.lists(of_packet, max_size=3))) if connection is not None else ()
        found.append(Packet(number, time, 100, connection, source, destination, int(tcp), inside))
    return found


def told(assembler: Assembler, packet: Packet, known: set[StreamKey], count: int) -> Iterator[Event]:
    """The events of a packet, of which each speaks of what was told before."""
    for event in assembler.receive(packet):
        count += isinstance(event, events.FrameSeen)
        if isinstance(event, events.CallStarted):
            assert event.key not in known
            known.add(event.key)
        assert getattr(event, "key", None) in {None, *known}
        if isinstance(event, events.FrameRevised):
            assert event.position < count
        yield event


@given(st.data(), packets())
def test_any_frames_can_be_assembled_and_shown(chance: st.DataObject, said: list[Packet]) -> None:
    store, assembler, known, following = Store(), Assembler((SERVER.port,)), set[StreamKey](), dict[StreamKey, Follow]()
    for packet in said:
        change = store.apply(told(assembler, packet, known, len(store.frames)))
        assert change.calls <= store.calls.keys()
        if known and chance.draw(st.integers(0, 5)) == 0:
            named = chance.draw(st.sampled_from(sorted(known)))
            store.apply(assembler.name_method(named, chance.draw(st.sampled_from(("/a.B/C", None)))))
        for key in store.calls:
            following.setdefault(key, Follow(store, CATALOG, key)).update()
    assert [frame.packet for frame in store.frames] == [frame.packet for packet in said for frame in packet.frames]
    # A GOAWAY is of a call by its time, and so is the end of the connection.
    is_in_time = all(one.time <= two.time for one, two in itertools.pairwise(said))
    show_everything(store, following, is_in_time=is_in_time)


def show_everything(store: Store, following: dict[StreamKey, Follow], *, is_in_time: bool) -> None:
    times = Times.of(store)
    for position in range(len(store.frames)):
        assert json.loads(json_line(frame_object(store, position)))["packet"] == store.frames[position].packet
        row_line(FRAME_COLUMNS, frame_row(store, CATALOG, position, times))
        frame_detail(store, CATALOG, position)
        message_detail(store, CATALOG, position)
        Dump(store, position)
    for key, call in store.calls.items():
        assert json.loads(json_line(call_object(store, CATALOG, key)))["stream"] == key.stream
        row_line(CALL_COLUMNS, call_row(store, CATALOG, key, times))
        lines = list(follow_lines(following[key]))
        if is_in_time:
            assert lines == list(follow_lines(Follow(store, CATALOG, key)))
        assert all(message.frame in call.frames for message in (*call.requests, *call.responses) if message.data)
