"""A capture file that is deleted, cut short, overwritten or appended to while it is open."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from inspector.errors import SourceError
from inspector.session import FileSource, Phase, Session
from inspector.session.export import CapturePart, save_part
from inspector.store.store import Change
from inspector.tshark.display_filter import PacketMatches
from inspector.ui.lists.listing import FRAMES, PACKETS
from tests.captures import DATA, write_copies
from tests.ui_running import reading, text

pytestmark = pytest.mark.system

OTHER = DATA / "b_full.pcapng"
SENTENCE = "was cut short or written over since it was opened"
Meddle = Callable[[Path], object]


def delete(path: Path) -> None:
    path.unlink()


def replace(path: Path) -> None:
    shutil.copy(OTHER, other := path.with_name("other.pcapng"))
    other.replace(path)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"\0" * 100)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def write_over(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100] + OTHER.read_bytes())


def contents(path: Path) -> bytes:
    return path.read_bytes()


class Watcher:
    """Nobody watches the filter get on."""

    def note_matches(self, numbers: object) -> None:
        pass

    def forget_matches(self) -> None:
        pass

    def note_share(self, share: float) -> None:
        pass


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "open.pcapng"
    shutil.copy(DATA / "a_full_go.pcapng", path)
    return path


async def everything(session: Session, to: Path) -> list[object]:
    """What is read of the file itself, again and again; of each, what came, or the error."""
    matches = PacketMatches()

    async def listed() -> object:
        await session.packets.read_list(lambda: None)
        return len(session.packets.list)

    async def matched() -> object:
        await session.packets.read_matches("http2", matches, Watcher())
        return len(matches)

    async def taken_apart() -> object:
        return [layer.label for layer in (await session.packets.dissect(4)).layers]

    async def followed() -> object:
        return (await session.packets.follow_tcp(0)).chunks

    async def saved() -> object:
        await save_part(session, CapturePart(), to, overwrite=True)
        return contents(to)

    async def copied() -> object:
        await session.save(to, overwrite=True)
        return contents(to)

    found: list[object] = []
    for look in (listed, matched, taken_apart, followed, saved, copied):
        try:
            found.append(await look())
        except SourceError as error:
            found.append(error.message)
    return found


@pytest.mark.parametrize("change", [delete, replace, grow])
async def test_an_open_file_is_read_after_it_was_deleted_or_replaced(change: Meddle, capture: Path) -> None:
    to = capture.with_name("saved.pcapng")
    unchanged, session = Session(FileSource(DATA / "a_full_go.pcapng")), Session(FileSource(capture))
    try:
        await unchanged.run()
        await session.run()
        change(capture)
        assert await everything(session, to) == await everything(unchanged, to)
    finally:
        await unchanged.close()
        await session.close()


@pytest.mark.parametrize("change", [cut, write_over])
async def test_a_changed_file_is_not_read_and_reported(change: Meddle, capture: Path) -> None:
    session = Session(FileSource(capture))
    try:
        await session.run()
        await session.packets.dissect(4)
        change(capture)
        to = capture.with_name("saved.pcapng")
        said = await everything(session, to)
        assert all(SENTENCE in str(each) for each in said)
        assert len(said) == 6
        assert [each.name for each in to.parent.iterdir()] == [capture.name]
        assert session.store.calls
    finally:
        await session.close()


@pytest.mark.parametrize("change", [cut, write_over])
async def test_packets_read_before_a_change_are_kept(change: Meddle, tmp_path: Path) -> None:
    capture = write_copies(120, tmp_path)
    session, changed = Session(FileSource(capture)), False

    def interfere(news: Change) -> None:
        nonlocal changed
        if news.end_frame and not changed:
            changed = True
            change(capture)

    session.on_change = interfere
    try:
        with pytest.raises(SourceError, match=SENTENCE):
            await session.run()
        assert session.status.phase is Phase.FAILED
        assert session.store.calls
    finally:
        await session.close()


async def test_appended_bytes_are_reported(capture: Path) -> None:
    session = Session(FileSource(capture))
    session.on_change = lambda _news: grow(capture)
    try:
        await session.run()
        assert "has grown by" in session.status.notice
        assert "open it again" in session.status.notice
    finally:
        await session.close()


async def test_the_app_shows_the_error_and_goes_on(capture: Path) -> None:
    async with reading(capture) as run:
        await run.loaded()
        cut(capture)
        await run.turn_to(PACKETS)
        await run.until(lambda: SENTENCE in run.notice)
        await run.press("escape")
        await run.turn_to(FRAMES)
        await run.press("f")
        await run.until(lambda: ":path" in text(run.pane))
