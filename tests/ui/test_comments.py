"""Comments on packets: written on the screen, read back by tshark, and shown where a capture has some already."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.events import Key
from textual.widgets import Input, OptionList, Static

from inspector.pcap.export import Extract
from inspector.pcap.reader import Comments
from inspector.session import FileSource, Session
from inspector.ui.dialogs.base import LineDialog, UnsavedDialog
from inspector.ui.dialogs.files import ExportDialog
from inspector.ui.messages import CaptureOpened
from tests.captures import DATA, read_store
from tests.pcap.test_export import fields
from tests.ui.test_export import export
from tests.ui_running import NARROW, Running, lines, reading, text

PCAP = DATA / "why" / "good.pcap"


async def comment(run: Running, words: str) -> None:
    await run.press("number_sign")
    await run.until(lambda: isinstance(run.app.screen, LineDialog) and run.app.screen.query(Input))
    run.app.screen.query_one(Input).value = words
    await run.press("enter")


@pytest.mark.system
async def test_a_comment_goes_with_the_capture_and_is_there_when_it_is_opened(tmp_path: Path) -> None:
    saved = tmp_path / "saved.pcapng"
    async with reading(PCAP, NARROW) as run:
        await run.loaded()
        number = run.session.store.frames[run.frames.cursor.key].packet
        await comment(run, "the first [b]request[/b] ü")
        await run.until(lambda: "✎ the first [b]request[/b] ü" in lines(run.frames)[1])
        await run.press("f", "right")
        await run.until(lambda: "✎ the first [b]request[/b] ü" in text(run.pane))
        await run.press("escape", "p")
        await run.until(lambda: run.list.id == "packets" and run.list.count)
        await run.until(lambda: any("✎" in line for line in lines(run.list)))
        await export(run, "Capture, all", saved)
    assert fields(saved, "frame.comment")[number - 1] == "the first [b]request[/b] ü"
    assert fields(saved, "frame.time_epoch", "tcp.seq_raw") == fields(PCAP, "frame.time_epoch", "tcp.seq_raw")
    async with reading(saved) as run:
        await run.loaded()
        assert "✎ the first [b]request[/b] ü" in lines(run.frames)[1]
        await comment(run, "")
        await run.until(lambda: "✎" not in text(run.frames))
        await export(run, "Capture, all", tmp_path / "bare.pcapng")
    assert not any(fields(tmp_path / "bare.pcapng", "frame.comment"))


@pytest.mark.system
async def test_comments_are_heard_in_any_pieces(tmp_path: Path) -> None:
    (noted := tmp_path / "noted.pcapng").write_bytes(noted_capture())
    data = noted.read_bytes()
    for step in (1, 7, 4096):
        found: dict[int, tuple[str, ...]] = {}
        comments = Comments(found)
        for at in range(0, len(data), step):
            comments.feed(data[at : at + step])
        assert found == {2: ("one", "two"), 5: ("three",)}
    store = await read_store(noted)
    assert store.comments == {2: ("one", "two"), 5: ("three",)}
    assert (await read_store(PCAP)).comments == {}


def test_several_comments_that_are_not_changed_stay_several() -> None:
    known: dict[int, tuple[str, ...]] = {2: ("one", "two")}
    comments = Comments(known)
    comments.put(2, comments.text(2))
    assert (known, comments.unsaved, dict(comments.changed)) == ({2: ("one", "two")}, 0, {})
    comments.put(2, "other")
    assert (known, comments.unsaved, comments.text(2)) == ({2: ("other",)}, 1, "other")


def noted_capture() -> bytes:
    return Extract(comments={2: ("one", "two"), 5: ("three",)}).take((DATA / "b_full.pcapng").read_bytes())


async def asked(run: Running) -> UnsavedDialog:
    await run.until(lambda: isinstance(run.app.screen, UnsavedDialog) and run.app.screen.query(OptionList))
    dialog = run.app.screen
    assert isinstance(dialog, UnsavedDialog)
    return dialog


@pytest.mark.system
async def test_comments_that_are_not_saved_are_asked_for_before_the_app_ends(tmp_path: Path) -> None:
    saved = tmp_path / "saved.pcapng"
    async with reading(PCAP, NARROW) as run:
        await run.loaded()
        await comment(run, "to be kept")
        await run.press("ctrl+q")
        dialog = await asked(run)
        assert "1 comment on packets of good.pcap would be lost." in str(dialog.query(Static)[0].content)
        await run.press("escape")
        assert run.app.screen is run.screen
        await run.press("ctrl+q")
        await asked(run)
        await run.press("enter")
        await run.until(lambda: isinstance(run.app.screen, ExportDialog) and run.app.screen.query(Input))
        run.app.screen.query_one(Input).value = str(saved)
        await run.press("enter")
        await run.until(lambda: run.app.return_code is not None)
    assert "to be kept" in fields(saved, "frame.comment")


@pytest.mark.system
async def test_a_comment_is_asked_for_though_ctrl_q_was_typed_ahead() -> None:
    async with reading(PCAP) as run:
        await run.loaded()
        await run.press("number_sign")
        await run.until(lambda: run.focused == "line")
        for key in (Key("x", "x"), Key("enter", None), Key("ctrl+q", None)):
            run.app.post_message(key)  # all in the queue before any is looked at
        await asked(run)
        assert run.session.comments.unsaved == 1
        await run.press("ctrl+q")
        await run.until(lambda: run.app.return_code is not None)


@pytest.mark.system
async def test_an_opened_capture_is_left_without_them_by_mouse_and_quit_by_its_key_again() -> None:
    async with reading(PCAP) as run:
        await run.loaded()
        first = run.screen
        first.post_message(CaptureOpened(Session(FileSource(PCAP))))
        await run.until(lambda: run.screen is not first)
        await run.loaded()
        await comment(run, "to be lost")
        await run.press("escape")
        await asked(run)
        await run.pilot.click("#ways", offset=(4, 1))
        await run.until(lambda: run.screen is first)
        await comment(run, "to be lost too")
        await run.press("ctrl+q")
        await asked(run)
        await run.press("ctrl+q")
        await run.until(lambda: run.app.return_code is not None)


@pytest.mark.system
async def test_without_comments_nothing_is_asked() -> None:
    async with reading(PCAP) as run:
        await run.loaded()
        await comment(run, "")
        await run.press("ctrl+q")
        assert run.app.return_code == 0
