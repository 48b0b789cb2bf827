"""Secrets in the app: masked in what it copies, exports and remembers; and what becomes of a save that runs."""

from __future__ import annotations

import asyncio
import base64
import re
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from hyperframe.frame import SettingsFrame
from textual.widgets import Checkbox, Input, OptionList, TextArea

from inspector.client.active_call import Outcome
from inspector.client.history import HistoryEntry, HistoryFile
from inspector.client.options import Metadata
from inspector.files import save_pieces
from inspector.model.call import CallKind, Status
from inspector.model.secrets import DEFAULT_NAMES, Mask, Secrets
from inspector.present.client_trace import ClientTrace
from inspector.schema.catalog import Catalog
from inspector.schema.untyped import untyped_method
from inspector.session import FileSource, Session
from inspector.tshark.binary import Decoding
from inspector.ui.detail.call import ClientTraceDocument
from inspector.ui.dialogs.base import QuestionDialog
from inspector.ui.dialogs.choice import ChoiceDialog
from inspector.ui.dialogs.editor import EditorScreen
from inspector.ui.dialogs.export import SecretSwitch
from inspector.ui.dialogs.files import ExportDialog, SaveDialog
from inspector.ui.history import FilterHistory
from inspector.ui.launch import Launch
from inspector.ui.subject import ClientTraces
from tests.conftest import GreetProcess
from tests.conversation import hello, reply
from tests.ui.test_export import export, names_in
from tests.ui.test_packets import go_down_to
from tests.ui.test_requests import attached, calls, choose, note, said, title
from tests.ui_running import NARROW, Running, running, text
from tests.wire import PREFACE, SERVER, Wire

TOKEN = "QJXZ-token"
FIELDS = (("authorization", f"Bearer {TOKEN}"), ("cookie", f"id={TOKEN}"), ("x-api-key", TOKEN), ("trace", "visible"))
NAMES = Secrets(DEFAULT_NAMES | {"x-api-key"})


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    (tmp_path / "captures").mkdir()
    wire = Wire()
    wire.client(PREFACE, SettingsFrame(0))
    wire.greet(1, hello("World"), reply("Hello"), *FIELDS)
    return wire.write(tmp_path / "captures" / "secrets.pcap")


def looking_at(path: Path, secrets: Secrets = NAMES) -> Launch:
    decoding = Decoding(frozenset({SERVER.port}))
    return Launch(lambda: Session(FileSource(path), decoding), Catalog(), secrets=SecretSwitch(secrets))


def clipboard(run: Running) -> Callable[[], str]:
    """Reads what the app has put on the clipboard last, from what it writes to the terminal."""
    written: list[str] = []
    assert run.app._driver is not None
    run.app._driver.write = written.append  # type: ignore[assignment, method-assign]

    def read() -> str:
        found = re.findall(r"\x1b]52;c;([A-Za-z0-9+/=]*)\x07", "".join(written))
        return base64.b64decode(found[-1]).decode() if found else ""

    return read


def news(run: Running) -> str:
    return [each.message for each in run.app._notifications][-1]


async def copy_as(run: Running, name: str) -> None:
    await run.press("Y")
    await run.until(lambda: isinstance(run.app.screen, ChoiceDialog) and run.app.screen.query(OptionList))
    await run.type(name)
    await run.press("enter")
    await run.until(lambda: not run.app.screen.is_modal)
    await run.pilot.pause()


@pytest.mark.system
async def test_what_is_copied_is_masked_and_says_so(capture: Path) -> None:
    async with running(looking_at(capture)) as run:
        await run.loaded()
        copied = clipboard(run)
        await run.press("f")
        await run.until(lambda: TOKEN in text(run.pane))  # the screen shows what was on the wire
        await run.press("y")
        assert "authorization: Bearer ***" in copied()
        assert "Copied stream 0/1: " in news(run)
        assert news(run).endswith(" · 3 secrets masked")
        seen = [copied()]
        await run.press("right", "y")
        assert "cookie: ***" in copied()
        seen.append(copied())
        for name in ("grpcurl command", "Python script", "JSON", "text"):
            await copy_as(run, name)
            seen.append(copied())
        assert len(set(seen)) == len(seen) - 1  # as text, it is what Follow shows
        assert not any(TOKEN in each for each in seen)
        assert all("visible" in each for each in seen)
        await copy_as(run, "Python script")
        assert "3 secrets masked: set AUTHORIZATION, COOKIE, X_API_KEY in the environment" in news(run)
        await run.press("p")
        await run.until(lambda: "Ethernet" in text(run.pane))
        await run.press("enter", "E", "y")
        assert "Header: authorization: Bearer ***" in copied()
        assert TOKEN not in copied()
        await run.press("P")
        await run.until(lambda: "TCP stream 0" in text(run.pane))
        await run.press("y")
        assert news(run).endswith(" · raw bytes, including secrets")


@pytest.mark.system
async def test_secrets_are_copied_when_they_are_asked_for(capture: Path) -> None:
    async with running(looking_at(capture), NARROW) as run:
        await run.loaded()
        copied = clipboard(run)
        await copy_as(run, "text with secrets")
        assert f"authorization: Bearer {TOKEN}" in copied()
        assert "masked" not in news(run)
        await run.press("ctrl+p")
        await run.type("Show secrets")
        await run.until(lambda: run.app.screen.query("OptionList").first().option_count > 0)  # type: ignore[attr-defined]
        await run.press("enter")
        await run.until(lambda: "now show secrets: x-api-key, authorization" in news(run))
        await run.press("f", "y")
        assert f"x-api-key: {TOKEN}" in copied()
        await run.app.run_action("toggle_secrets")
        await run.press("y")
        assert TOKEN not in copied()


@pytest.mark.system
async def test_with_the_option_nothing_is_masked(capture: Path, tmp_path: Path) -> None:
    async with running(looking_at(capture, Secrets(NAMES.names, are_shown=True))) as run:
        await run.loaded()
        copied = clipboard(run)
        await run.press("f", "y")
        assert copied().count(TOKEN) == 3
        await export(run, "Calls as JSON", tmp_path / "calls.jsonl")
        assert (tmp_path / "calls.jsonl").read_text().count(TOKEN) == 3


EXPORTS = (
    "Frames as JSON",
    "Calls as JSON",
    "Follow of call 0/1 as text",
    "Follow of call 0/1 as HTML",
    "Screen as SVG",
)


@pytest.mark.system
@pytest.mark.parametrize("what", EXPORTS)
async def test_what_is_exported_is_masked_unless_it_is_asked_for(what: str, capture: Path, tmp_path: Path) -> None:
    async with running(looking_at(capture)) as run:
        await run.loaded()
        await run.press("f")
        await run.until(lambda: TOKEN in text(run.pane))
        await export(run, what, tmp_path / "masked")
        written = (tmp_path / "masked").read_text().replace("&#160;", " ")
        assert TOKEN not in written
        assert "Bearer ***" in written
        assert news(run).endswith(" 3 secrets masked.")
        assert TOKEN in text(run.pane)
        await run.press("ctrl+s")
        await run.until(lambda: isinstance(run.app.screen, ExportDialog))
        rows = [str(each.prompt) for each in run.app.screen.query_one(OptionList).options]
        await run.press(*["down"] * next(row for row, words in enumerate(rows) if words.startswith(what)))
        box = run.app.screen.query_one("#secrets", Checkbox)
        assert (box.display, str(box.label).startswith("Show secrets: x-api-key, authorization, cookie")) == (
            True,
            True,
        )
        run.app.screen.query_one(Input).value = str(tmp_path / "clear")
        await run.press("tab", "space", "shift+tab", "enter")
        await run.until((tmp_path / "clear").exists)
        assert (tmp_path / "clear").read_text().count(TOKEN) == 3


@pytest.mark.system
async def test_captures_and_messages_have_no_box_for_secrets(capture: Path) -> None:
    async with running(looking_at(capture)) as run:
        await run.loaded()
        await run.press("ctrl+s")
        await run.until(lambda: isinstance(run.app.screen, ExportDialog))
        rows = [str(each.prompt) for each in run.app.screen.query_one(OptionList).options]
        with_box = []
        for row in rows:
            if run.app.screen.query_one("#secrets", Checkbox).display:
                with_box.append(row.split("  ")[0].strip())
            await run.press("down")
        assert with_box == [
            next(row.split("  ")[0].strip() for row in rows if row.startswith(each)) for each in EXPORTS
        ]


@pytest.mark.system
async def test_what_the_right_pane_shows_is_saved_masked_or_not(capture: Path, tmp_path: Path) -> None:
    async with running(looking_at(capture)) as run:
        await run.loaded()
        for name, keys in (("masked", ()), ("clear", ("tab", "space", "shift+tab"))):
            await run.press("f", "w")
            await run.until(lambda: isinstance(run.app.screen, SaveDialog) and run.app.screen.query(Checkbox))
            run.app.screen.query_one(Input).value = str(tmp_path / name)
            await run.press(*keys, "enter")
            await run.until((tmp_path / name).exists)
            await run.until(lambda: not run.app.screen.is_modal)
        assert TOKEN not in (tmp_path / "masked").read_text()
        assert (tmp_path / "clear").read_text().count(TOKEN) == 3
        assert any(each.message.endswith("masked: 3 secrets masked") for each in run.app._notifications)


def test_the_clients_own_account_is_masked() -> None:
    metadata: Metadata = (("authorization", f"Bearer {TOKEN}"), ("x-key-bin", b"QJXZ"), ("trace", "visible"))
    account = ClientTrace(Catalog(), untyped_method("/a.B/C", CallKind.UNARY), "localhost:1", metadata)
    account.outcome = Outcome(Status.of(0), (), 0.1, "", (("set-cookie", TOKEN),), ())
    accounts = ClientTraces()
    accounts.add(account)
    copied, _ = ClientTraceDocument(accounts).copied(Mask(Secrets(DEFAULT_NAMES | {"x-key-bin"})))
    assert TOKEN not in copied
    assert "UUpYWg" not in copied
    assert "authorization: Bearer ***" in copied
    assert "trace: visible" in copied


@pytest.mark.system
async def test_a_filter_made_of_a_secret_is_not_kept(capture: Path, own_state: None) -> None:
    async with running(looking_at(capture)) as run:
        await run.loaded()
        await run.press("p")
        await run.until(lambda: "Ethernet" in text(run.pane))
        await run.press("enter", "E")
        box = run.screen.filter_box
        for wanted, is_kept in (("Value: Bearer", False), ("Value: visible", True)):
            await go_down_to(run, wanted)
            await run.press("a")
            await run.until(lambda: isinstance(run.app.screen, ChoiceDialog))
            await run.press("enter")
            await run.until(lambda: box.value)
            assert "http2.header.value ==" in box.value
            kept = box.history._path.read_text() if box.history._path.exists() else ""
            assert (box.value in kept) is is_kept
            assert box.history.back("") == box.value  # here it can be brought back all the same
            box.history.forward("")


FILTERS = {
    "authorization": True,
    'http2.header.name == "cookie"': True,
    "greet status:5": True,
    "my-cookie-jar greet": True,
    "token greet": True,
    f"bearer {TOKEN}": False,
    f"cookie:{TOKEN}": False,
    f'"authorization: {TOKEN}"': False,
    f'http2.header.value contains "{TOKEN}" && http2.header.name == "x-key"': False,
}


@pytest.mark.parametrize("is_masked", [True, False])
def test_a_filter_that_may_hold_a_secret_is_not_written(is_masked: bool, tmp_path: Path) -> None:
    secrets, path = Secrets(DEFAULT_NAMES | {"x-key"}, are_shown=not is_masked), tmp_path / "filters"
    history = FilterHistory(secrets, path)
    for wanted in FILTERS:
        history.add(wanted)
    written = [each for each, is_kept in FILTERS.items() if is_kept or not is_masked]
    assert path.read_text().splitlines() == written
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert history.back("") == list(FILTERS)[-1]


def test_a_filter_with_a_secret_that_was_written_before_is_removed(tmp_path: Path) -> None:
    (path := tmp_path / "filters").write_text(f"greet\nauthorization Bearer {TOKEN}\nstatus:5\n")
    path.chmod(0o644)
    history = FilterHistory(Secrets(), path)
    assert (history.back(""), history.back("")) == ("status:5", "greet")
    assert path.read_text() == "greet\nstatus:5\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def send_with(run: Running, metadata: str) -> None:
    """Send what is in the box with other metadata, by the editor."""
    before = len(calls(run, "Echo"))
    await run.press("f2")
    await run.until(lambda: isinstance(run.app.screen, EditorScreen))
    run.app.screen.query_one("#metadata", TextArea).text = metadata
    await run.press("f5")
    await run.until(lambda: len(calls(run, "Echo")) > before and "OK" in said(run))


def sent_headers(run: Running) -> list[tuple[str, str]]:
    """Those of the latest call."""
    block = calls(run, "Echo")[-1].request_headers
    return list(block.headers) if block else []


async def recall(run: Running, key: str) -> None:
    await run.press("ctrl+r")
    await run.until(lambda: isinstance(run.app.screen, ChoiceDialog) and run.app.screen.query(OptionList))
    await run.press(key)


@pytest.mark.system
async def test_a_masked_value_is_asked_for_and_never_sent_as_it_stands(greet: GreetProcess, tmp_path: Path) -> None:
    history = HistoryFile(tmp_path / "history.jsonl", secrets=NAMES)
    async with attached(greet, history=history) as run:
        await choose(run, "Echo")
        await send_with(run, f"authorization: Bearer {TOKEN}\nx-api-key: {TOKEN}\ntrace: 1")
        assert TOKEN not in history.path.read_text()
        await recall(run, "f5")  # in the session that sent it, it is known
        await run.until(lambda: len(calls(run, "Echo")) == 2 and "OK" in said(run))
        assert ("authorization", f"Bearer {TOKEN}") in sent_headers(run)
    async with attached(greet, NARROW, history) as run:
        await recall(run, "enter")
        await run.until(lambda: "authorization, x-api-key masked" in title(run))
        await run.press("enter")
        await run.until(lambda: isinstance(run.app.screen, EditorScreen) and run.focused == "metadata")
        area = run.app.screen.query_one("#metadata", TextArea)
        assert area.text == "authorization: Bearer \nx-api-key: \ntrace: 1"
        assert "authorization, x-api-key are masked in the history: type the values." in note(run)
        assert area.cursor_location == (0, len("authorization: Bearer "))
        await run.type("new")
        await run.press("f5")
        await run.until(lambda: "x-api-key is masked in the history: type the value." in note(run))
        assert area.cursor_location == (1, len("x-api-key: "))
        await run.press("escape")  # what was typed is kept, and the rest still asked for
        await run.until(lambda: title(run).endswith("3 metadata · x-api-key masked"))
        await run.press("enter")
        await run.until(lambda: isinstance(run.app.screen, EditorScreen) and run.focused == "metadata")
        await run.type("key")
        await run.press("f5")
        await run.until(lambda: calls(run, "Echo") and "OK" in said(run))
        sent = sent_headers(run)
        assert {("authorization", "Bearer new"), ("x-api-key", "key"), ("trace", "1")} <= set(sent)
        assert not any("***" in value for _, value in sent)
        await recall(run, "f5")
        await run.until(lambda: len(calls(run, "Echo")) == 2)
        assert ("x-api-key", "key") in sent_headers(run)


@pytest.mark.system
async def test_a_line_without_its_value_can_be_left_out(greet: GreetProcess, tmp_path: Path) -> None:
    history = HistoryFile(tmp_path / "history.jsonl")
    history.add(
        HistoryEntry(
            "/sample.v1.Tour/Echo", ("{}",), metadata=(("authorization", f"Bearer {TOKEN}"), ("a-bin", "AAEC"))
        )
    )
    async with attached(greet, history=history) as run:
        await recall(run, "f2")
        await run.until(lambda: isinstance(run.app.screen, EditorScreen) and run.focused == "metadata")
        run.app.screen.query_one("#metadata", TextArea).text = "a-bin: AAEC"
        await run.press("f5")
        await run.until(lambda: calls(run, "Echo") and "OK" in said(run))
        assert "authorization" not in dict(sent_headers(run))
        assert dict(sent_headers(run))["a-bin"] == "AAEC"


@pytest.mark.system
async def test_a_captured_call_is_sent_again_as_it_was_and_masked_in_the_history(
    greet: GreetProcess, tmp_path: Path
) -> None:
    history = HistoryFile(tmp_path / "history.jsonl")
    async with attached(greet, history=history) as run:
        await choose(run, "Echo")
        await send_with(run, f"authorization: Bearer {TOKEN}")
        await run.press("escape", "G", "R")
        await run.until(lambda: isinstance(run.app.screen, EditorScreen))
        assert run.app.screen.query_one("#metadata", TextArea).text == f"authorization: Bearer {TOKEN}"
        await run.press("f5")
        await run.until(lambda: len(calls(run, "Echo")) == 2 and "OK" in said(run))
        assert ("authorization", f"Bearer {TOKEN}") in sent_headers(run)
    assert history.path.read_text().count("Bearer ***") == 2
    assert TOKEN not in history.path.read_text()


@pytest.mark.system
async def test_secrets_are_known_when_the_capture_is_decoded_anew(greet: GreetProcess, tmp_path: Path) -> None:
    history = HistoryFile(tmp_path / "history.jsonl")
    async with attached(greet, history=history) as run:
        await choose(run, "Echo")
        await send_with(run, f"authorization: Bearer {TOKEN}")
        await run.press("escape", "d")
        await run.until(lambda: isinstance(run.app.screen, ChoiceDialog))
        first = run.session
        await run.type("9999")
        await run.press("enter")
        await run.until(lambda: run.session is not first and len(calls(run, "Echo")) == 1)
        await recall(run, "f5")
        await run.until(lambda: len(calls(run, "Echo")) == 2)
        assert ("authorization", f"Bearer {TOKEN}") in sent_headers(run)


@pytest.mark.system
@pytest.mark.parametrize("way", ["palette", "dialog"])
async def test_the_history_is_cleared_after_a_question(way: str, greet: GreetProcess, tmp_path: Path) -> None:
    history = HistoryFile(tmp_path / "history.jsonl")
    history.add(HistoryEntry("/HelloWorld/greet", ("Ada",), status="OK"))
    async with attached(greet, NARROW, history) as run:
        for answer in ("escape", "enter", "down"):
            if way == "dialog":
                await recall(run, "ctrl+x")
            else:
                await run.app.screen.run_action("clear_history")
            await run.until(lambda: isinstance(run.app.screen, QuestionDialog) and run.app.screen.query(OptionList))
            assert history.path.exists()
            await run.press(answer)
            if answer == "down":
                await run.press("enter")
            await run.until(lambda: not run.app.screen.is_modal)
        await run.until(lambda: "Cleared the request history" in news(run))
        assert names_in(tmp_path) == []
        await run.press("up")
        assert box_text(run) == ""
        await recall(run, "escape")
        assert history.read() == []


def box_text(run: Running) -> str:
    return run.screen.query_one("#request", Input).value


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield bytes(1_000)
        await asyncio.sleep(0)


def begin_saving(run: Running, path: Path, left: list[str]) -> None:
    """A real save that comes to no end."""

    async def save() -> str:
        await save_pieces(endless(), path)
        return "never"

    run.screen.controllers.save.active.start(path.name, save(), lambda: left.append("saved"))


async def asked(run: Running, words: str) -> None:
    await run.until(lambda: isinstance(run.app.screen, QuestionDialog) and run.app.screen.query(OptionList))
    assert words in str(run.app.screen.query("Static").first().content)  # type: ignore[attr-defined]


@pytest.mark.system
async def test_a_save_that_runs_is_stopped_after_a_question(capture: Path, tmp_path: Path) -> None:
    left: list[str] = []
    async with running(looking_at(capture), NARROW) as run:
        await run.loaded()
        begin_saving(run, tmp_path / "big.pcap", left)
        await run.press("escape")
        await asked(run, "big.pcap is being written.")
        await run.press("enter")  # go on
        await run.until(lambda: not run.app.screen.is_modal)
        assert run.screen.controllers.save.active.names == ("big.pcap",)
        await run.press("escape")
        await asked(run, "big.pcap is being written.")
        await run.press("down", "enter")
        await run.until(lambda: "big.pcap was not saved" in news(run))
        await run.press("escape")
        assert not run.app.screen.is_modal  # there is nothing to stop any more
    assert left == []
    assert names_in(tmp_path) == ["captures"]


@pytest.mark.system
async def test_who_quits_while_something_is_written_is_asked(capture: Path, tmp_path: Path) -> None:
    left: list[str] = []
    async with running(looking_at(capture), NARROW) as run:
        await run.loaded()
        begin_saving(run, tmp_path / "big.pcap", left)
        await run.press("ctrl+q")
        await asked(run, "big.pcap is being written.")
        await run.press("escape")
        assert run.app.return_code is None
        await run.press("ctrl+q")
        await asked(run, "big.pcap is being written.")
        await run.press("ctrl+q")
        await run.until(lambda: run.app.return_code is not None)
        await run.app.end_sessions()
        assert run.app.unfinished == ["big.pcap"]  # told on standard error
    assert names_in(tmp_path) == ["captures"]


@pytest.mark.system
async def test_who_waits_for_a_save_leaves_when_it_is_done_and_stays_when_it_failed(
    capture: Path, tmp_path: Path
) -> None:
    async with running(looking_at(capture), NARROW) as run:
        await run.loaded()
        saves, is_enough = run.screen.controllers.save.active, asyncio.Event()

        async def pieces() -> AsyncIterator[bytes]:
            yield b"some"
            await is_enough.wait()

        async def save(path: Path) -> str:
            await save_pieces(pieces(), path)
            return "Saved."

        saves.start("no", save(tmp_path / "no"), lambda: None)
        await run.until(lambda: saves.names)
        (tmp_path / "no").write_text("another's")
        await run.press("ctrl+q")
        await asked(run, "no is being written.")
        await run.press("enter")
        is_enough.set()
        await run.until(lambda: "no exists already" in run.notice)
        assert run.app.return_code is None
        await run.press("escape")
        is_enough.clear()
        saves.start("yes", save(tmp_path / "yes"), lambda: None)
        await run.until(lambda: saves.names)
        await run.press("ctrl+q")
        await asked(run, "yes is being written.")
        await run.press("enter")
        await run.until(lambda: not run.app.screen.is_modal)
        assert run.app.return_code is None
        is_enough.set()
        await run.until(lambda: run.app.return_code is not None)
    assert (tmp_path / "yes").read_bytes() == b"some"
