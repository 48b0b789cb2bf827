"""Windows and stalls, against a simple model and against real transfers."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.http2.flow_control import MAX_OPEN_STREAMS, FlowControl
from inspector.http2.stats import ConnectionStats
from inspector.model.connection import FIRST_WINDOW, Stall, Traffic
from inspector.model.frame import END_STREAM, Endpoint, Frame, FrameType, Packet
from tests.captures import DATA, SHARED, read_store
from tests.conversation import CLIENT, SERVER, Said, data, frame, headers, request, reset, settings, window

Spoken = tuple[Endpoint, Said]
_STREAMS = (1, 3, 5)


def flow(*spoken: Spoken, from_start: bool = True) -> FlowControl:
    """Return the windows after these frames, sent one per second."""
    known = FlowControl(CLIENT, SERVER, from_start=from_start)
    receive_all(known, spoken)
    return known


def receive_all(known: FlowControl, spoken: Iterable[Spoken], start: int = 1) -> None:
    for second, (source, said) in enumerate(spoken, start):
        known.receive(said(second, float(second), 0, source), second)


def body(stream: int, length: int, *, end: bool = False) -> Said:
    return data(stream, bytes(length), end=end)


@st.composite
def conversations(draw: st.DrawFn) -> list[Spoken]:
    """Streams that the client opens in order, then DATA, updates, settings, ends and resets from either side."""
    streams = st.sampled_from(_STREAMS)
    lengths = st.integers(0, 40_000)
    said = st.one_of(
        st.builds(body, streams, lengths, end=st.booleans()),
        st.builds(window, st.sampled_from((0, *_STREAMS)), st.integers(1, 70_000)),
        st.builds(lambda size: settings(INITIAL_WINDOW_SIZE=size), st.integers(0, 100_000)),
        st.builds(reset, streams),
        st.builds(headers, streams, end=st.booleans()),
    )
    opened = [(CLIENT, request(stream)) for stream in _STREAMS]
    return [*opened, *draw(st.lists(st.tuples(st.sampled_from((CLIENT, SERVER)), said), max_size=40))]


class Model:
    """Windows as RFC 9113 §6.9 describes them: one number each, all of them changed by SETTINGS."""

    def __init__(self) -> None:
        self.left = {
            (end, stream): FIRST_WINDOW if stream in (0, *_STREAMS) else 0
            for end in (CLIENT, SERVER)
            for stream in (0, *_STREAMS)
        }
        self.initial = dict.fromkeys((CLIENT, SERVER), FIRST_WINDOW)
        self.beyond: set[tuple[Endpoint, int]] = set()
        """Windows that more was sent on than they allowed."""

    def receive(self, source: Endpoint, said: Frame) -> None:
        peer, detail = SERVER if source == CLIENT else CLIENT, said.detail or {}
        if said.type == FrameType.DATA and said.length:
            self._take(source, 0, said.length)
            self._take(source, said.stream, said.length)
        elif said.type == FrameType.WINDOW_UPDATE and (peer, said.stream) in self.left:
            self.left[peer, said.stream] += int(str(detail["increment"]))
        elif said.type == FrameType.SETTINGS:
            size = detail["settings"]["INITIAL_WINDOW_SIZE"]  # type: ignore[index]
            for stream in {stream for end, stream in self.left if end == peer and stream}:
                self.left[peer, stream] += size - self.initial[peer]
            self.initial[peer] = size
        elif said.type == FrameType.RST_STREAM:
            self.left.pop((peer, said.stream), None)
        if said.type == FrameType.RST_STREAM or said.flags & END_STREAM:
            self.left.pop((source, said.stream), None)

    def _take(self, source: Endpoint, stream: int, length: int) -> None:
        if (source, stream) in self.left:
            self.left[source, stream] -= length
            if self.left[source, stream] < 0:
                self.beyond.add((source, stream))


@given(conversations())
def test_windows_are_those_of_the_model(spoken: list[Spoken]) -> None:
    known, model = FlowControl(CLIENT, SERVER), Model()
    for second, (source, said) in enumerate(spoken):
        model.receive(source, said(second, float(second), 0, source))
        known.receive(said(second, float(second), 0, source), second)
        for end in (CLIENT, SERVER):
            windows = known.windows[end]
            if (end, 0) not in model.beyond:
                assert windows.connection() == model.left[end, 0]
            for stream in _STREAMS if second >= len(_STREAMS) else ():
                if (end, stream) not in model.beyond:
                    assert windows.stream(stream) == model.left.get((end, stream))


@given(conversations())
def test_a_sender_is_stalled_exactly_while_its_window_is_not_above_zero(spoken: list[Spoken]) -> None:
    stalls: list[Stall] = []
    known, model = FlowControl(CLIENT, SERVER, stalls.append), Model()
    for second, (source, said) in enumerate(spoken):
        model.receive(source, said(second, float(second), 0, source))
        known.receive(said(second, float(second), 0, source), second)
        standing = {(each.sender, each.stream) for each in stalls if each.ended is None and each.broken_off is None}
        at_zero = {key for key, left in model.left.items() if left <= 0}
        assert standing - model.beyond == at_zero - model.beyond or second < len(_STREAMS)
    assert all(each.ended is None or each.began <= each.ended for each in stalls)
    assert all(each.ended is not None and each.resumed >= each.ended for each in stalls if each.resumed is not None)


@given(conversations(), st.data())
def test_windows_do_not_depend_on_how_frames_are_split_into_packets(spoken: list[Spoken], draws: st.DataObject) -> None:
    def traffic(*, one_by_one: bool) -> Traffic:
        numbers, position = count(1), 0
        runs: list[list[Spoken]] = []
        for source, said in spoken:
            joins = not one_by_one and runs and runs[-1][0][0] == source and draws.draw(st.booleans())
            if joins:
                runs[-1].append((source, said))
            else:
                runs.append([(source, said)])
        tally: ConnectionStats | None = None
        for run in runs:
            source = run[0][0]
            peer = SERVER if source == CLIENT else CLIENT
            frames = tuple(said(1, 1.0, 0, source) for _, said in run)
            packet = Packet(next(numbers), 1.0, 100, 0, source, peer, 0, frames)
            tally = tally or ConnectionStats(0, (source, peer), 1.0, opens=True)
            tally.count(packet, source, position)
            position += len(frames)
        assert tally is not None
        return tally.traffic

    apart, together = traffic(one_by_one=True), traffic(one_by_one=False)
    assert apart.stalls == together.stalls
    for end in (CLIENT, SERVER):
        assert apart.sent[end].windows == together.sent[end].windows
        assert apart.sent[end].frames == together.sent[end].frames


def test_padding_counts() -> None:
    padded = frame(FrameType.DATA, 1, 300, 0x8, payload=bytes(100))
    assert flow((CLIENT, request(1)), (CLIENT, padded)).windows[CLIENT].stream(1) == FIRST_WINDOW - 300


def test_settings_move_a_window_below_zero_and_back() -> None:
    stalls: list[Stall] = []
    known = FlowControl(CLIENT, SERVER, stalls.append)
    receive_all(known, [(CLIENT, request(1)), (CLIENT, body(1, 1000)), (SERVER, settings(INITIAL_WINDOW_SIZE=400))])
    assert known.windows[CLIENT].stream(1) == -600
    receive_all(known, [(SERVER, window(1, 600)), (SERVER, window(1, 2)), (CLIENT, body(1, 1))], start=4)
    assert stalls == [Stall(CLIENT, 1, 3.0, 3, ended=5.0, resumed=6.0)]


def test_an_ended_stream_is_not_stalled() -> None:
    stalls: list[Stall] = []
    known = FlowControl(CLIENT, SERVER, stalls.append)
    receive_all(known, [(CLIENT, request(1)), (SERVER, window(0, 1)), (CLIENT, body(1, FIRST_WINDOW, end=True))])
    assert stalls == []
    assert known.windows[CLIENT].stream(1) is None


def test_late_joined_windows_are_not_known_until_settings_are_seen() -> None:
    known = flow((CLIENT, request(7)), (CLIENT, body(7, 10)), from_start=False)
    mine = known.windows[CLIENT]
    assert (mine.connection(), mine.stream(7), mine.is_known) == (None, None, False)
    receive_all(known, [(SERVER, settings(INITIAL_WINDOW_SIZE=500)), (CLIENT, request(9)), (CLIENT, body(9, 10))])
    assert (mine.connection(), mine.stream(7), mine.stream(9)) == (None, None, 490)


def test_a_preface_after_the_first_frame_of_the_server_counts_as_the_start() -> None:
    known = flow((SERVER, settings(INITIAL_WINDOW_SIZE=500)), (SERVER, window(0, 5)), from_start=False)
    known.on_preface()
    receive_all(known, [(CLIENT, request(1))])
    assert (known.windows[CLIENT].connection(), known.windows[CLIENT].stream(1)) == (FIRST_WINDOW + 5, 500)


def test_after_a_loss_only_what_is_certain_is_known() -> None:
    stalls: list[Stall] = []
    known = FlowControl(CLIENT, SERVER, stalls.append)
    receive_all(known, [(CLIENT, request(1)), (SERVER, settings(INITIAL_WINDOW_SIZE=100)), (CLIENT, body(1, 100))])
    known.mark_gap(CLIENT, 9.0)
    assert stalls == [Stall(CLIENT, 1, 3.0, 3, broken_off=9.0)]
    receive_all(known, [(CLIENT, request(5))])
    client, server = known.windows[CLIENT], known.windows[SERVER]
    assert (client.stream(1), client.stream(5)) == (None, 100)
    assert (server.stream(5), server.connection(), client.connection()) == (None, None, None)


def test_data_beyond_the_window_is_reported_and_the_window_becomes_unknown() -> None:
    known = flow((CLIENT, request(1)), (CLIENT, body(1, FIRST_WINDOW + 8)))
    mine = known.windows[CLIENT]
    assert (mine.overdrawn, mine.connection(), mine.stream(1)) == (8, None, None)


def test_the_number_of_windows_is_bounded() -> None:
    known = flow(*((CLIENT, request(1 + 2 * number)) for number in range(MAX_OPEN_STREAMS + 5)))
    assert len(known.windows[CLIENT].offsets) == len(known.windows[SERVER].offsets) == MAX_OPEN_STREAMS


@pytest.mark.system
async def test_windows_of_a_real_transfer_of_300_kilobytes() -> None:
    path = SHARED / "own" / "c_300k_node_go.pcapng"
    if not path.exists():
        pytest.skip("the capture is not in the repository")
    store = await read_store(path)
    connection, traffic = store.connections[0], store.traffic(0)
    client, server = traffic.sent[connection.client], traffic.sent[connection.server]
    assert client.data == server.data == 300_015
    granted = sum(
        int(str((each.detail or {})["increment"]))
        for each in store.frames
        if each.type == FrameType.WINDOW_UPDATE and each.stream == 0 and each.source == connection.server
    )
    assert client.windows.connection() == FIRST_WINDOW + granted - 300_015
    first = traffic.stalls[0]
    assert (store.frames[first.position].packet, first.sender) == (13, connection.client)
    assert all(each.ended is not None for each in traffic.stalls)
    assert {each.windows.overdrawn for each in (client, server)} == {0}


@pytest.mark.system
async def test_windows_of_a_late_joined_connection_are_unknown() -> None:
    store = await read_store(DATA / "a_mid.pcapng", 50101)
    for sent in store.traffic(0).sent.values():
        assert sent.windows.connection() is None
    assert not store.traffic(0).stalls
