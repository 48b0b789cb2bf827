"""Requests of any method from the app: a real service with the four kinds, through the tap, under a pilot."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.events import Paste
from textual.widgets import Checkbox, Input, OptionList, Static, TextArea

from inspector.capture.source import Target
from inspector.client.history import HistoryEntry, HistoryFile
from inspector.client.sender import ConnectionState
from inspector.model.call import Call, CallState
from inspector.schema.catalog import Catalog
from inspector.session import LiveSource, Session
from inspector.session.schema import SchemaSources, load_reflection
from inspector.ui.dialogs.choice import ChoiceDialog
from inspector.ui.dialogs.editor import EditorScreen
from inspector.ui.draft import one_line
from inspector.ui.launch import Launch
from inspector.ui.widgets.json_area import Candidates, JsonArea
from inspector.ui.widgets.request_box import RequestBox
from inspector.ui.widgets.status_line import StatusLine
from tests.conftest import GreetProcess
from tests.ui_running import NARROW, PATIENCE, WIDE, Running, running, text

pytestmark = pytest.mark.system


@asynccontextmanager
async def attached(
    service: GreetProcess, size: tuple[int, int] = WIDE, history: HistoryFile | None = None
) -> AsyncIterator[Running]:
    """The app on the sample service, once its own schema is known."""
    target, catalog = Target("localhost", service.port), Catalog()

    async def prepare() -> str:
        await load_reflection(catalog, SchemaSources(), target, seconds=PATIENCE)
        return " ".join(catalog.problems)

    source = LiveSource(target, engine="tap")
    launch = Launch(lambda: Session(source), catalog, str(target), prepare=prepare, history=history)
    async with running(launch, size) as run:
        await run.until(lambda: box(run).method)
        yield run


def box(run: Running) -> RequestBox:
    return run.screen.query_one(RequestBox)


def said(run: Running) -> str:
    return str(box(run).border_subtitle)


def title(run: Running) -> str:
    return str(box(run).border_title)


def note(run: Running) -> str:
    return str(run.app.screen.query_one("#dialog-note", Static).content)


def editor(run: Running) -> JsonArea:
    return run.app.screen.query_one(JsonArea)


def calls(run: Running, method: str) -> list[Call]:
    return [call for call in run.session.store.calls.values() if (call.method or "").endswith(method)]


def state(run: Running, method: str) -> CallState | None:
    """That of the first call of a method; None while there is none."""
    return next((call.state for call in calls(run, method)), None)


async def choose(run: Running, name: str, key: str = "enter") -> None:
    """Choose a method by a part of its name."""
    await run.press("ctrl+t")
    await run.until(lambda: isinstance(run.app.screen, ChoiceDialog))
    await run.type(name)
    await run.press(key)
    await run.until(lambda: name.lower() in title(run).lower())


async def write(run: Running, words: str) -> None:
    """Put a text into the request box and press Enter."""
    run.app.screen.focused.post_message(Paste(words))  # type: ignore[union-attr]
    await run.until(lambda: box(run).value == one_line(words))
    await run.press("enter")


async def test_the_picker_finds_and_remembers_and_greet_is_the_first(greet: GreetProcess, tmp_path: Path) -> None:
    history = HistoryFile(tmp_path / "history.jsonl")
    async with attached(greet, NARROW, history) as run:
        assert title(run) == "HelloWorld/greet"
        await run.press("ctrl+t")
        await run.until(lambda: run.app.screen.query(OptionList))
        shown = str(run.app.screen.query_one(OptionList).get_option_at_index(1).prompt)
        assert shown.startswith("sample.v1.Tour/Echo")
        assert "unary          Things → Things  reflection of localhost:" in shown
        await run.type("tchat")
        await run.press("enter")
        assert title(run) == "sample.v1.Tour/Chat · bidi stream"
        assert run.focused == "request"
        await run.type("Ada")
        await run.press("enter")
        await run.until(lambda: calls(run, "Chat"))
        await run.press("ctrl+x")
        await run.until(lambda: "CANCELLED" in said(run))
    async with attached(greet, NARROW, history) as run:
        assert title(run) == "sample.v1.Tour/Chat · bidi stream"
        await run.press("up")
        assert box(run).value == "Ada"


async def test_keys_typed_ahead_go_where_they_are_meant_to(greet: GreetProcess) -> None:
    async with attached(greet) as run:
        for keys in (("ctrl+t", *"tchat", "enter"), ("f2",), (*"Ada", "ctrl+j"), (*"Bo", "enter")):
            for key in keys:
                run.app.simulate_key(key)
            await run.until(lambda: "Chat" in title(run) and (keys != ("f2",) or run.app.screen.query(JsonArea)))  # noqa: B023
            await run.until(lambda: keys == ("f2",) or not run.app.screen.is_modal)  # noqa: B023
        await run.until(lambda: "2 sent · 2 replies" in said(run))
        await run.until(lambda: calls(run, "Chat") and len(calls(run, "Chat")[0].responses) == 2)
        replies = [str(message.data) for message in calls(run, "Chat")[0].responses]
        assert ["Ada" in replies[0], "Bo" in replies[1]] == [True, True]
        assert not calls(run, "greet")


async def test_a_server_stream_comes_reply_by_reply_and_is_cancelled(greet: GreetProcess) -> None:
    async with attached(greet) as run:
        await choose(run, "Count")
        await write(run, '{"to": 1000,\n "pause": "0.05s"}')
        await run.until(lambda: "replies" in said(run))
        await run.until(lambda: '"value": "' in text(run.pane))
        assert "^X cancel" in said(run)
        assert run.screen.query_one(StatusLine).connection is ConnectionState.CONNECTED
        await run.press("ctrl+x")
        await run.until(lambda: "CANCELLED" in said(run))
        await run.until(lambda: state(run, "Count") is CallState.CANCELLED)


async def test_a_bidi_stream_takes_message_after_message_and_ends_on_a_key(greet: GreetProcess) -> None:
    async with attached(greet, NARROW) as run:
        await choose(run, "Chat")
        await run.press_at_once("A", "d", "a", "enter", "B", "o", "enter", "C", "y", "enter")
        await run.until(lambda: "3 sent · 3 replies" in said(run))
        await run.press("ctrl+d")
        await run.until(lambda: "OK · 3 replies" in said(run))
        await run.until(lambda: state(run, "Chat") is CallState.COMPLETE)
        assert len(calls(run, "Chat")) == 1
        assert len(calls(run, "Chat")[0].requests) == 3


async def test_several_calls_run_at_once_and_any_can_be_ended(greet: GreetProcess) -> None:
    async with attached(greet) as run:
        await choose(run, "Chat")
        await write(run, "Ada")
        await choose(run, "Sum")
        await write(run, '{"value": 20} {"value": "22"}')
        await run.until(lambda: "2 sent" in said(run))
        assert "2 calls run, F4" in said(run)
        await run.press("f4")
        await run.until(lambda: run.app.screen.query(OptionList))
        await run.press("ctrl+x")
        await run.until(lambda: state(run, "Chat") is CallState.CANCELLED)
        await run.press("ctrl+d")
        await run.until(lambda: "OK" in said(run))
        await run.until(lambda: '"value": "42"' in text(run.pane))


async def test_the_editor_completes_points_at_errors_and_sends_all_that_is_set(greet: GreetProcess) -> None:
    async with attached(greet) as run:
        await choose(run, "Echo")
        await run.press("f2")
        await run.until(lambda: run.app.screen.query(JsonArea))
        area = editor(run)
        assert '"colour": "COLOUR_UNSPECIFIED"' in area.text
        area.text = '{\n  "words": ["x", 5]\n}'
        await run.press("f5")
        await run.until(lambda: "words[1]" in note(run))
        assert area.cursor_location == (1, 17)
        area.text = '{"col'
        area.move_cursor((0, 5))
        await run.type("o")
        await run.until(lambda: run.app.screen.query_one(Candidates).display)
        await run.press("tab")
        assert area.text == '{"colour": '
        await run.press("quotation_mark", "C", "O", "L", "O", "U", "R", "underscore", "R", "tab", "right_curly_bracket")
        assert area.text == '{"colour": "COLOUR_RED"}'
        form = run.app.screen
        form.query_one("#metadata", TextArea).text = "trace: first\nTrace: second\nraw-bin: AAEC"
        form.query_one("#deadline", Input).value = "soon"
        form.query_one("#is_compressed", Checkbox).value = True
        await run.press("ctrl+j")
        await run.until(lambda: "'soon' is not a number of seconds" in note(run))
        assert run.focused == "deadline"
        form.query_one("#deadline", Input).value = "2.5"
        await run.press("ctrl+j")
        await run.until(lambda: calls(run, "Echo"))
        await run.until(lambda: state(run, "Echo") is CallState.COMPLETE)
        (call,) = calls(run, "Echo")
        sent = call.request_headers.headers if call.request_headers else ()
        assert [value for name, value in sent if name == "trace"] == ["first", "second"]
        assert "raw-bin" in dict(sent)
        assert (dict(sent)["grpc-encoding"], call.requests[0].data) == ("gzip", b"8\x01")
        assert title(run) == "sample.v1.Tour/Echo · 3 metadata · deadline 2.5 s · gzip"
        assert box(run).value == '{"colour": "COLOUR_RED"}'


async def test_a_failure_is_told_with_its_details(greet: GreetProcess) -> None:
    async with attached(greet, NARROW) as run:
        await choose(run, "Fail")
        await run.press("enter")
        await run.until(lambda: "BadRequest" in run.notice)
        assert "RetryInfo" in run.notice
        assert "INVALID_ARGUMENT" in said(run)


async def test_history_is_searched_edited_and_sent_again(greet: GreetProcess, tmp_path: Path) -> None:
    history = HistoryFile(tmp_path / "history.jsonl")
    history.add(HistoryEntry("/HelloWorld/greet", ("Ada",), sent_at=1.0, status="OK", metadata=(("trace", "1"),)))
    history.add(HistoryEntry("/sample.v1.Tour/Chat", ("Bo",), sent_at=2.0, status="OK"))
    async with attached(greet, history=history) as run:
        await run.press("ctrl+r")
        await run.until(lambda: run.app.screen.query(OptionList))
        await run.type("ada")
        await run.press("f5")
        await run.until(lambda: run.frames.count >= 5 and calls(run, "greet"))
        assert dict(calls(run, "greet")[0].request_headers.headers)["trace"] == "1"  # type: ignore[union-attr]
        await run.until(lambda: "OK" in said(run))
        await run.press("ctrl+r")
        await run.until(lambda: run.app.screen.query(OptionList))
        await run.type("ada")
        await run.press("f2")
        await run.until(lambda: run.app.screen.query(JsonArea))
        assert editor(run).text == '{\n  "name": "Ada"\n}'
    assert [entry.status for entry in history.read()] == ["OK"] * 3


async def test_a_call_of_another_client_is_sent_again_and_copied(
    start_service: Callable[..., GreetProcess], tmp_path: Path
) -> None:
    async with attached(start_service()) as run:
        target = str(run.session.status.target or "")
        from inspector.client.sender import Sender  # noqa: PLC0415 - the other client

        other = Sender(target)
        await other.unary("/HelloWorld/greet", b"\n\x05World", metadata=(("trace", "1"), ("raw-bin", b"\x00\x01")))
        await other.close()
        await run.until(lambda: state(run, "greet") is CallState.COMPLETE)
        await run.press("escape", "G", "Y")
        await run.until(lambda: run.app.screen.query(OptionList))
        assert "grpcurl" in str(run.app.screen.query_one(OptionList).get_option_at_index(0).prompt)
        await run.press("escape", "R")
        await run.until(lambda: isinstance(run.app.screen, EditorScreen))
        assert editor(run).text == '{\n  "name": "World"\n}'
        assert run.app.screen.query_one("#metadata", TextArea).text == "trace: 1\nraw-bin: AAE="
        await run.press("f5")
        await run.until(lambda: len(calls(run, "greet")) == 2)
        again = calls(run, "greet")[1]
        assert dict(again.request_headers.headers)["trace"] == "1"  # type: ignore[union-attr]


async def test_sources_are_switched_and_messages_read_in_other_forms(greet: GreetProcess) -> None:
    async with attached(greet) as run:
        await run.type("World")
        await run.press("enter")
        await run.until(lambda: state(run, "greet") is CallState.COMPLETE)
        await run.press("escape", "f")
        await run.until(lambda: "HelloRequest" in text(run.pane))
        await run.press("v", "v")
        assert "messages read as wire" in text(run.pane)
        assert '"1": "World"' in text(run.pane)
        await run.press("f3")
        await run.until(lambda: run.app.screen.query(OptionList))
        await run.press("enter")
        sources = run.screen.launch.catalog.sources
        assert not sources[0].is_on
        assert "○ reflection of" in str(run.app.screen.query_one(OptionList).get_option_at_index(0).prompt)
        await run.press("f6")
        await run.until(lambda: not run.app.screen.is_modal)


async def test_the_connection_is_made_anew_on_a_key(greet: GreetProcess) -> None:
    async with attached(greet) as run:
        for connections in (1, 2):
            await run.type("Ada")
            await run.press("enter")
            await run.until(lambda: len(calls(run, "greet")) == connections)  # noqa: B023 - awaited here
            await run.until(lambda: "OK" in said(run))
            await run.press("ctrl+l")
            await run.until(lambda: run.screen.query_one(StatusLine).connection is ConnectionState.NONE)
        assert len({call.key.connection for call in calls(run, "greet")}) == 2


async def test_a_capture_that_is_decoded_anew_can_be_sent_to_as_before(greet: GreetProcess) -> None:
    async with attached(greet) as run:
        await choose(run, "Echo")
        await run.type('{"text": "before"}')
        await run.press("enter")
        await run.until(lambda: state(run, "Echo") is CallState.COMPLETE)
        await run.press("escape", "d")
        await run.until(lambda: isinstance(run.app.screen, ChoiceDialog))
        first = run.session
        await run.type("9999")
        await run.press("enter")
        await run.until(lambda: run.session is not first and state(run, "Echo") is CallState.COMPLETE)
        assert (title(run), box(run).value, run.focused) == ("sample.v1.Tour/Echo", '{"text": "before"}', "frames")
        await run.press("i", "enter")
        await run.until(lambda: len(calls(run, "Echo")) == 2)
