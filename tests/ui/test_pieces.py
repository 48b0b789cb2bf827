"""The UI's pure parts: history, clipboard, wrapping, layout, the table of keys, and finding one's own calls."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.dom import DOMNode

from inspector.model.call import CallKind, StreamKey
from inspector.model.frame import Side
from inspector.present.spans import Line, Span, Tone, plain
from inspector.schema.untyped import untyped_method
from inspector.store.store import Store
from inspector.ui.active_calls import SentCall, SentCallMatcher
from inspector.ui.bindings import FOOTER, entries
from inspector.ui.controllers.context import Dispatcher
from inspector.ui.draft import Draft
from inspector.ui.history import InputHistory
from inspector.ui.messages import ClearHistoryRequested
from inspector.ui.rendering import wrap
from inspector.ui.terminal import copy_sequence
from inspector.ui.widgets.layout import CHUNK, DocumentBlock, Layout
from tests.conversation import CLIENT, SERVER, Conversation, request

GREET = "/HelloWorld/greet"
OURS = frozenset({CLIENT.port})


class TestHistory:
    def test_goes_back_to_the_first_and_forward_to_the_draft(self) -> None:
        history = InputHistory()
        for name in ("World", "Ada"):
            history.add(name)
        back = [history.back("Bo"), history.back("Ada"), history.back("World")]
        assert back == ["Ada", "World", "World"]
        assert [history.forward("World"), history.forward("Ada"), history.forward("Bo")] == ["Ada", "Bo", "Bo"]

    def test_keeps_each_text_once_the_latest_last(self) -> None:
        history = InputHistory()
        for name in ("World", "Ada", "World", ""):
            history.add(name)
        assert [history.back(""), history.back(""), history.back("")] == ["World", "Ada", "Ada"]


class TestClipboard:
    @given(st.text())
    def test_carries_any_text(self, text: str) -> None:
        encoded = re.fullmatch(r"\x1b]52;c;([A-Za-z0-9+/=]*)\x07", copy_sequence(text, {}))
        assert encoded is not None
        assert base64.b64decode(encoded[1]) == text.encode("utf-8", "replace")

    def test_is_wrapped_for_tmux_with_every_escape_doubled(self) -> None:
        assert copy_sequence("a", {"TMUX": "/tmp/x,1,0"}) == "\x1bPtmux;\x1b\x1b]52;c;YQ==\x07\x1b\\"


words = st.text(st.sampled_from("ab →漢é "), max_size=40)


class TestWrapping:
    @given(st.lists(st.builds(Span, words, st.sampled_from(Tone)), max_size=5), st.integers(24, 60), st.integers(0, 8))
    def test_loses_nothing_but_blanks_and_keeps_to_the_width(
        self, spans: Sequence[Span], width: int, indent: int
    ) -> None:
        lines = [plain(line) for line in wrap(spans, width, indent)]
        assert "".join(lines).replace(" ", "") == plain(spans).replace(" ", "")
        assert all(cell_len(line) <= width for line in lines)

    def test_breaks_at_a_blank_and_hangs(self) -> None:
        lines = wrap((Span("user-agent", Tone.KEY), Span(": grpc-python/1.85.1 grpc-c/52.0")), 34, 4)
        assert [plain(line) for line in lines] == ["    user-agent: grpc-python/1.85.1", "      grpc-c/52.0"]

    def test_breaks_a_long_word_by_force(self) -> None:
        assert [plain(line) for line in wrap((Span("x" * 30),), 20)] == ["x" * 20, "  " + "x" * 10]


class Numbers:
    """A document whose blocks say their own number, on one line or on two."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def block(self, index: int) -> DocumentBlock:
        return DocumentBlock(tuple(Line((Span(f"{index}"),)) for _ in range(1 + index % 2)), index)


def shown(layout: Layout) -> list[int]:
    return [int(plain(row.spans)) for row in layout.rows]


class TestLayout:
    @given(st.integers(1, 500), st.data())
    def test_grows_to_the_whole_document_from_anywhere(self, count: int, data: st.DataObject) -> None:
        layout = Layout(Numbers(count), 40, data.draw(st.integers(0, count - 1)))
        while layout.extend_up() or layout.extend_down():
            pass
        assert shown(layout) == [index for index in range(count) for _ in range(1 + index % 2)]
        assert (layout.above, layout.below) == (0, 0)

    @given(st.integers(1, 300), st.integers(0, 300), st.data())
    def test_follows_a_document_that_grows(self, count: int, more: int, data: st.DataObject) -> None:
        document = Numbers(count)
        layout = Layout(document, 40)
        while data.draw(st.booleans()) and layout.extend_down():
            pass
        document.count += more
        layout.replace_from(data.draw(st.integers(0, count)))
        while layout.extend_down():
            pass
        assert shown(layout) == shown(Layout(Numbers(0), 40)) + [
            index for index in range(count + more) for _ in range(1 + index % 2)
        ]

    def test_lays_out_only_what_is_near(self) -> None:
        layout = Layout(Numbers(100_000), 40, anchor=50_000)
        assert len(layout.rows) <= 2 * CHUNK
        assert layout.row_of(50_000) is not None
        assert layout.above > 49_000


class TestKeys:
    def test_ids_are_unique(self) -> None:
        ids = [key.id for _, key in entries()]
        assert len(ids) == len(set(ids))

    def test_no_key_has_two_actions_at_one_place(self) -> None:
        taken = [(place, each) for place, key in entries() for each in key.keys.split(",")]
        assert len(taken) == len(set(taken))

    def test_the_footer_knows_only_keys_of_the_table(self) -> None:
        assert set(FOOTER) <= {key.id for _, key in entries()}

    @pytest.mark.parametrize(
        "key",
        [
            "j",
            "k",
            "down",
            "up",
            "g",
            "G",
            "pageup",
            "pagedown",
            "slash",
            "tab",
            "shift+tab",
            "n",
            "N",
            "enter",
            "f",
            "escape",
            "full_stop",
            "comma",
            "i",
            "h",
            "F",
            "y",
            "m",
            "apostrophe",
            "backslash",
            "ctrl+e",
            "ctrl+s",
            "ctrl+o",
            "question_mark",
            "f1",
            "ctrl+p",
            "ctrl+q",
            "end",
        ],
    )
    def test_has_every_key_of_the_design(self, key: str) -> None:
        assert any(key in each.keys.split(",") for _, each in entries())


class Saver:
    """A controller with one action and one message handler."""

    def __init__(self) -> None:
        self.saved = 0

    def action_save(self) -> None:
        self.saved += 1

    def on_clear_history_requested(self, _message: ClearHistoryRequested) -> None:
        self.saved = 0


class TestDispatcher:
    def test_makes_the_actions_of_controllers_those_of_a_node(self) -> None:
        saver, node = Saver(), DOMNode()
        dispatcher = Dispatcher((saver,))
        dispatcher.attach(node)
        node.action_save()  # type: ignore[attr-defined]
        assert (saver.saved, set(dispatcher.actions)) == (1, {"save"})

    def test_passes_a_message_to_the_method_that_is_named_after_it(self) -> None:
        saver = Saver()
        saver.saved = 1
        Dispatcher((saver,)).handle(ClearHistoryRequested())
        assert saver.saved == 0

    def test_rejects_two_methods_of_the_same_name(self) -> None:
        with pytest.raises(TypeError, match="action_save"):
            Dispatcher((Saver(), Saver()))


def talk(*streams: int, path: str = GREET) -> Store:
    said = Conversation()
    for stream in streams:
        said.client(request(stream, path))
    return said.store


def sent() -> SentCall:
    return SentCall(untyped_method(GREET, CallKind.UNARY), Draft(GREET))


class TestOwnCalls:
    def test_finds_a_call_by_port_and_method(self) -> None:
        own = SentCallMatcher()
        own.expect(sent())
        store = talk(1)
        assert own.match(store, store.calls, OURS) == StreamKey(0, 1)
        assert not own.is_waiting

    def test_leaves_calls_of_others_alone(self) -> None:
        own = SentCallMatcher()
        own.expect(sent())
        store = talk(1)
        assert own.match(store, store.calls, frozenset({SERVER.port})) is None
        store = talk(1, path="/grpc.health.v1.Health/Check")
        assert own.match(store, store.calls, OURS) is None
        assert own.is_waiting

    def test_gives_the_latest_of_several(self) -> None:
        own = SentCallMatcher()
        calls = [sent(), sent()]
        for each in calls:
            own.expect(each)
        store = talk(1, 3, 5)
        assert own.match(store, store.calls, OURS) == StreamKey(0, 3)
        assert [each.key for each in calls] == [StreamKey(0, 1), StreamKey(0, 3)]

    def test_gives_each_call_once(self) -> None:
        own = SentCallMatcher()
        own.expect(sent())
        store = talk(1)
        own.match(store, store.calls, OURS)
        own.expect(sent())
        assert own.match(store, store.calls, OURS) is None

    def test_remembers_the_ports_of_connections_that_are_gone(self) -> None:
        own, store = SentCallMatcher(), talk(1)
        own.expect(sent())
        own.match(store, (), OURS)
        assert own.match(store, store.calls, frozenset()) == StreamKey(0, 1)

    def test_awaits_nothing_of_a_call_that_never_left(self) -> None:
        own = SentCallMatcher()
        own.expect(call := sent())
        own.discard(call)
        assert not own.is_waiting


def test_a_conversation_has_the_client_that_these_tests_take_for_ours() -> None:
    assert talk(1).connections[0].side(CLIENT) is Side.CLIENT
