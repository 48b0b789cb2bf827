"""Every tab and every dialog, as it looks at two sizes. `make snapshots` takes the pictures again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from textual.command import CommandPalette
from textual.geometry import Region
from textual.screen import Screen
from textual.widgets import Input

from inspector.capture.left_captures import LeftCapture
from inspector.client.history import HistoryEntry, HistoryFile
from inspector.schema.catalog import Catalog
from inspector.session import FileSource, Session
from inspector.tshark.binary import Tshark
from inspector.ui.dialogs.base import LineDialog, UnsavedDialog
from inspector.ui.dialogs.choice import ChoiceDialog, MethodDialog, SchemaDialog
from inspector.ui.dialogs.columns import ColumnsDialog
from inspector.ui.dialogs.editor import EditorScreen
from inspector.ui.dialogs.files import ExportDialog, LeftDialog, OpenDialog, SaveDialog
from inspector.ui.dialogs.help import HelpScreen
from inspector.ui.dialogs.reports import CompareScreen, StatisticsScreen
from inspector.ui.launch import Launch
from inspector.ui.lists.listing import CALLS, CONNECTIONS, FRAMES, METHODS, PACKETS
from inspector.ui.screen import InspectionScreen
from tests import snapshots
from tests.capture.test_left_captures import leave as leave_capture
from tests.captures import DATA
from tests.ui_running import NARROW, WIDE, Running, lines, running

pytestmark = pytest.mark.system

TARGET: Final = "localhost:50051"
SIZES: Final = {"wide": WIDE, "narrow": NARROW}


class Picture(NamedTuple):
    """How to get to a screen from the first row of the frames."""

    keys: tuple[str, ...] = ()
    """Pressed in the list that is turned to."""
    list: str = FRAMES
    text: str = ""
    """What is typed after the keys."""
    after: tuple[str, ...] = ()
    """Keys after the text."""
    dialog: type[Screen[Any]] | None = None
    """What is open then."""
    is_masked: bool = False
    """Without what tshark writes: it differs from version to version."""


def dialog(kind: type[Screen[Any]], *keys: str, list: str = FRAMES, text: str = "") -> Picture:  # noqa: A002
    return Picture(keys, list, text, dialog=kind)


BROWSING: Final = {
    "list-calls": Picture(("j", "j"), CALLS),
    "list-calls-unfolded": Picture(("j", "plus", "j", "plus"), CALLS),
    "list-frames": Picture(("j", "j")),
    "list-packets": Picture(("j", "j"), PACKETS, is_masked=True),
    "list-connections": Picture((), CONNECTIONS),
    "list-methods": Picture(("j",), METHODS),
    "tab-follow": Picture(("j", "j", "f")),
    "tab-frame": Picture(("f", "right")),
    "tab-message": Picture(("j", "f", "right", "right")),
    "tab-bytes": Picture(("f", "right", "right", "right")),
    "tab-timing": Picture(("f", "right", "right", "right", "right")),
    "tab-latency": Picture(("j", "tab"), METHODS),
    "tab-connection": Picture(("tab",), CONNECTIONS),
    "tab-sequence": Picture(("tab", "right"), CONNECTIONS),
    "tab-tree": Picture(("j", "enter"), PACKETS, is_masked=True),
    "tab-tcp": Picture(("j", "P"), PACKETS, is_masked=True),
    "filter": Picture(("slash",), text="status:NOT_FOUND"),
    "filter-wrong": Picture(("slash",), text="status:nonsense ("),
    "find": Picture(("ctrl+f",), text="grpc"),
    "zoom": Picture(("j", "backslash")),
}
DIALOGS: Final = {
    "dialog-help": dialog(HelpScreen, "question_mark"),
    "dialog-palette": dialog(CommandPalette, "ctrl+p"),
    "dialog-schema": dialog(SchemaDialog, "f3"),
    "dialog-menu": dialog(ChoiceDialog, "x"),
    "dialog-copy-as": dialog(ChoiceDialog, "Y"),
    "dialog-decode-as": dialog(ChoiceDialog, "d"),
    "dialog-columns": dialog(ColumnsDialog, "C"),
    "dialog-go-to": dialog(LineDialog, "colon"),
    "dialog-comment": dialog(LineDialog, "number_sign", text="the first request"),
    "dialog-compare": dialog(CompareScreen, "m", "j", "equals_sign", list=CALLS),
    "dialog-statistics": dialog(StatisticsScreen, "s"),
    "dialog-export": dialog(ExportDialog, "ctrl+s"),
    "dialog-save": dialog(SaveDialog, "j", "f", "w"),
    "dialog-open": dialog(OpenDialog, "ctrl+o"),
    # The last one: the comment stays.
    "dialog-unsaved": Picture(("number_sign",), text="first", after=("enter", "ctrl+q"), dialog=UnsavedDialog),
}
SENDING: Final = {
    "request": Picture(),
    "dialog-method": dialog(MethodDialog, "ctrl+t"),
    "dialog-history": dialog(ChoiceDialog, "ctrl+r"),
    "dialog-editor": dialog(EditorScreen, "f2"),
}
JOINED_LATE: Final = {
    "joined-late": Picture(),
    "dialog-name-method": dialog(ChoiceDialog, "M"),
}
KILLED_RUN: Final = {
    "killed-run": Picture(),
    "dialog-killed-run": dialog(LeftDialog, "f9"),
}
TOURS: Final = {
    "browsing": BROWSING,
    "dialogs": DIALOGS,
    "sending": SENDING,
    "joined-late": JOINED_LATE,
    "killed-run": KILLED_RUN,
}
"""Pictures that are taken one after the other in one app."""


@pytest.fixture(autouse=True)
def same_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One time zone, one version of tshark, and folders that have the same names and contents."""
    for kind in ("CACHE", "STATE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind))
    (folder := tmp_path / "captures").mkdir()
    for name in ("of-a-client.pcapng", "of-a-server.pcap.gz", "notes.txt"):
        (folder / name).touch()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TZ", "UTC")

    async def version(_tshark: Tshark) -> str:
        return "4.0.17"

    monkeypatch.setattr(Tshark, "version", version)
    monkeypatch.setattr(LeftCapture, "when", "30 Nov 21:14")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def launch(tour: str, folder: Path) -> Launch:
    """What the app of a tour shows. It is given a service to call, but calls nothing."""
    capture = DATA / ("a_mid.pcapng" if tour == "joined-late" else "f_errors_node_node.pcapng")
    sends = tour == "sending"
    history = HistoryFile(folder / "history.jsonl")
    for name in ("World", "Ada"):
        history.add(HistoryEntry("/HelloWorld/greet", (f'{{"name": "{name}"}}',), TARGET, status="OK"))
    if tour == "killed-run":
        leave_capture(folder)
    return Launch(
        lambda: Session(FileSource(capture)),
        Catalog(),
        TARGET if sends else None,
        open_capture=lambda other: Session(FileSource(other)),
        open_left=lambda left: Session(FileSource(left.paths[0], left)),
        history=history if sends else None,
    )


async def show(run: Running, picture: Picture) -> None:
    """Go from the first frame to the screen of a picture."""
    await run.turn_to(picture.list)
    await run.until(lambda: run.list.count)
    if picture.list != FRAMES:  # the rows of the frames are at their first already
        await run.press("g")
    await run.press(*picture.keys)
    if picture.text:
        await run.until(lambda: isinstance(run.app.focused, Input))
        await run.type(picture.text)
    await run.press(*picture.after)
    await run.until(lambda: picture.dialog is None or isinstance(run.app.screen, picture.dialog))


async def leave(run: Running) -> None:
    """Go back to the first frame, with nothing open, filtered, marked or announced."""
    while not isinstance(run.app.screen, InspectionScreen):
        await run.press("escape")
    await run.press_at_once("escape", "escape", "escape", "slash", "ctrl+u", "enter")
    await run.turn_to(FRAMES)
    await run.press_at_once("U", "g", "f", "escape")
    run.app.clear_notifications()


def tshark_regions(run: Running) -> list[Region]:
    """Where the screen shows what tshark writes: the columns from Protocol on, and the tree of a packet."""
    regions = [run.pane.region]  # empty where it is hidden
    if (list_ := run.list.region) and (column := lines(run.list)[0].find("Protocol")) >= 0:
        regions.append(Region(list_.x + column, list_.y + 1, list_.width - column, list_.height - 1))
    return regions


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("tour", TOURS)
async def test_screens_look_as_they_did(tour: str, size: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    update, differences = request.config.getoption("--update-snapshots"), []
    async with running(launch(tour, tmp_path), SIZES[size]) as run:
        await run.loaded()
        for name, picture in TOURS[tour].items():
            await show(run, picture)
            try:
                masked = tshark_regions(run) if picture.is_masked else ()
                await snapshots.check(run, f"{name}-{size}", update=update, masked=masked)
            except AssertionError as difference:
                differences.append(str(difference))
            await leave(run)
    assert not differences, "\n\n".join(differences)


def test_every_file_is_that_of_a_screen() -> None:
    names = {f"{name}-{size}.txt" for tour in TOURS.values() for name in tour for size in SIZES}
    assert {path.name for path in snapshots.FOLDER.iterdir()} == names
