"""Save and export, and saves that run behind the screen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import Final

from inspector.files import write_private
from inspector.model.call import StreamKey
from inspector.schema.catalog import Catalog
from inspector.session import FileSource, Session
from inspector.session.export import packets_of_calls, packets_of_connections, packets_of_frames
from inspector.ui.browser import Browser
from inspector.ui.controllers.context import Actions, Hears, ScreenContext
from inspector.ui.detail.packet import shows_bytes
from inspector.ui.dialogs.base import Parting, PartingDialog, QuestionDialog, UnsavedDialog
from inspector.ui.dialogs.export import (
    ExportContext,
    Picture,
    SecretSwitch,
    export_options,
    masked_words,
    secrets_label,
)
from inspector.ui.dialogs.files import ExportDialog, ExportOrder, SaveDialog, SaveLocation
from inspector.ui.lists.listing import PACKETS
from inspector.ui.messages import SaveAsked
from inspector.ui.subject import ConnectionAt, FrameAt, PacketAt, connection_of

_SOON: Final = 1.0
"""Seconds after which somebody wonders whether anything happens."""
_TITLE: Final = "Saving"


class _Stop(StrEnum):
    GO_ON = "Go on writing"
    STOP = "Stop: nothing of it is kept"


class _Leave(StrEnum):
    WAIT = "Wait until it is written, then leave"
    LEAVE = "Leave now: nothing of it is kept"
    STAY = "Stay"


def not_saved(name: str) -> str:
    """Return what there is to say of a file that was left."""
    return f"{name} was not saved: it was still being written, and nothing of it is left."


class ActiveSaves:
    """The files that are being written."""

    def __init__(self, stage: ScreenContext) -> None:
        self._stage = stage
        self._running: dict[asyncio.Task[None], str] = {}
        """By task: the name of the file."""
        self._leave: Callable[[], object] | None = None
        """What is done once all are written."""

    @property
    def names(self) -> tuple[str, ...]:
        """The files that are not whole yet."""
        return tuple(self._running.values())

    def begin(self, name: str, write: Awaitable[str], then: Callable[[], object]) -> None:
        """Write a file; `write` gives a sentence. Goes on with `then` once it is written."""
        task = self._stage.work(self._write(name, write, then))
        self._running[task] = name
        task.add_done_callback(self._end)

    def ask_stop(self) -> bool:
        """Ask whether to stop what is being written; False when nothing is."""
        if not self._running:
            return False
        self._stage.ask(QuestionDialog(_TITLE, self._words, _Stop), self._decide_stop)
        return True

    def part(self, leave: Callable[[], object]) -> None:
        """Leave at once, or when all is written, or not at all: as somebody decides while something is written."""
        if not self._running:
            leave()
            return

        def decide(answer: _Leave) -> None:
            if answer is _Leave.WAIT and self._running:
                self._leave = leave
                self._stage.say(f"{self._words} When that is done, this is left.")
            elif answer is not _Leave.STAY:
                self._stop()
                leave()

        self._stage.ask(PartingDialog(_TITLE, self._words, _Leave), decide)

    async def _write(self, name: str, write: Awaitable[str], then: Callable[[], object]) -> None:
        still = f"{name} is being written; everything can be used meanwhile. Esc in the list stops it."
        telling = asyncio.get_running_loop().call_later(_SOON, self._stage.say, still)
        try:
            self._stage.say(await write)
        except BaseException:
            self._leave = None  # what is said of it must be seen
            raise
        finally:
            telling.cancel()
        then()

    def _end(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        if self._leave is not None and not self._running:
            leave, self._leave = self._leave, None
            leave()

    def _decide_stop(self, answer: _Stop) -> None:
        if answer is _Stop.STOP:
            self._stop()

    def _stop(self) -> None:
        for task, name in tuple(self._running.items()):
            if task.cancel():
                self._stage.say(not_saved(name))
        self._running.clear()
        self._leave = None

    @property
    def _words(self) -> str:
        first, *others = self._running.values()
        return f"{len(others) + 1} files are being written." if others else f"{first} is being written."


class SaveController:
    """Writes files."""

    def __init__(
        self,
        stage: ScreenContext,
        session: Session,
        catalog: Catalog,
        browser: Browser,
        picture: Callable[[], str],
        secrets: SecretSwitch,
    ) -> None:
        """`picture` gives the whole screen as it is by then, as SVG."""
        self._stage, self._session, self._picture = stage, session, picture
        self._catalog, self._browser, self._feed = catalog, browser, browser.feed
        self._secrets = secrets
        self.running = ActiveSaves(stage)

    @property
    def actions(self) -> Actions:
        """Save or export."""
        return {"save": lambda: self._ask_what(_nothing)}

    @property
    def hears(self) -> Hears:
        """What a pane wants to be saved."""
        return {SaveAsked: self._ask_where}

    def part(self, leave: Callable[[], object]) -> None:
        """Leave this capture: at once, or as somebody decides who would lose something."""
        self.running.part(lambda: self._part_from_comments(leave))

    def _part_from_comments(self, leave: Callable[[], object]) -> None:
        comments = self._session.comments

        def decide(parting: Parting) -> None:
            if parting is Parting.LEAVE:
                leave()
            elif parting is Parting.SAVE:
                self._ask_what(lambda: None if comments.unsaved else leave())

        if comments.unsaved:
            self._stage.ask(UnsavedDialog(comments.unsaved, self._session.status.source), decide)
        else:
            leave()

    def _ask_what(self, then: Callable[[], object]) -> None:
        """Ask what to save, save it, and go on."""

        def export(order: ExportOrder) -> None:
            self.running.begin(order.path.name, order.way.write(order.path, order.included), then)

        dialog = ExportDialog(export_options(self._ground()), self._session.status.source, self._secrets)
        self._stage.ask(dialog, export)

    def _ground(self) -> ExportContext:
        source, call = self._session.source, self._browser.call
        comments = self._session.comments.changed
        is_pcapng = bool(comments) or (isinstance(source, FileSource) and ".pcapng" in source.path.name)
        return ExportContext(
            self._session,
            self._catalog,
            self._shown_packets,
            self._marked_packets,
            self._browser.listing.marks.count,
            self._feed.frames.positions,
            self._feed.calls.keys,
            None if call is None else call.key,
            connection_of(self._browser.subject, self._session.store),
            ".pcapng" if is_pcapng else ".pcap",
            comments,
            self._pictures(),
            self._secrets,
        )

    def _pictures(self) -> Picture:
        clear, mask = self._picture(), self._secrets.mask(is_on=False)
        detail = self._browser.detail
        with detail.pane.viewport.masked(mask):
            return Picture(self._picture() if mask.count else clear, clear, mask, shows_bytes(detail.document))

    def _shown_packets(self) -> Iterable[int]:
        if self._browser.listing.shown.id == PACKETS:
            return self._feed.packets.numbers[:]
        return packets_of_frames(self._session, self._feed.frames.positions[:])

    async def _marked_packets(self) -> frozenset[int]:
        """Of marked rows: the packets of frames, of calls, of connections, and packets themselves."""
        found, calls, connections = set[int](), set[StreamKey](), set[int]()
        for key, subject in self._browser.listing.marks.rows():
            match subject:
                case _ if isinstance(key, StreamKey):
                    calls.add(key)
                case FrameAt(position):
                    found.update(packets_of_frames(self._session, [position]))
                case PacketAt(number):
                    found.add(number)
                case ConnectionAt(connection):
                    connections.add(connection)
        if calls:
            found |= await packets_of_calls(self._session, calls)
        return frozenset(found | await packets_of_connections(self._session, connections))

    def _ask_where(self, event: SaveAsked) -> None:
        mask = self._secrets.mask()
        data, name = event.make(mask)
        clear = event.make(self._secrets.mask(is_on=True))[0] if mask.count else data
        label = secrets_label(mask.secrets) if mask.count else ""
        dialog = SaveDialog(f"{self._session.status.source} {name}", _suffix(data), f"Save {name}", label)

        def save(place: SaveLocation) -> None:
            remark = "raw bytes, secrets in them too" if event.is_raw and not mask.secrets.are_shown else ""
            remark = remark or ("" if place.shows_secrets else masked_words(mask))
            said = f"Saved {name} as {place.path}{remark and f': {remark}'}"
            self._stage.work(self._write(place.path, clear if place.shows_secrets else data, said))

        self._stage.ask(dialog, save)

    async def _write(self, path: Path, data: bytes, said: str) -> None:
        write_private(path, data)
        self._stage.say(said)


def _suffix(data: bytes) -> str:
    return ".bin" if b"\0" in data else ".txt"


def _nothing() -> None:
    """Go nowhere when it is saved."""
