"""Save and export. Files are written in the background."""

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
from inspector.ui.controllers.context import ScreenContext
from inspector.ui.detail.packet import shows_bytes
from inspector.ui.dialogs.base import Parting, PartingDialog, QuestionDialog, UnsavedDialog
from inspector.ui.dialogs.export import (
    ExportContext,
    Picture,
    SecretSwitch,
    export_options,
    secrets_label,
    secrets_remark,
)
from inspector.ui.dialogs.files import ExportChoice, ExportDialog, SaveDialog, SaveLocation
from inspector.ui.lists.listing import PACKETS
from inspector.ui.messages import SaveRequested
from inspector.ui.subject import ConnectionAt, FrameAt, PacketAt, connection_of

_PROGRESS_DELAY: Final = 1.0
"""Seconds after which a notification confirms that a file is still being written."""
_TITLE: Final = "Saving"


class _StopAnswer(StrEnum):
    CONTINUE = "Continue writing"
    STOP = "Stop and discard the file"


class _LeaveAnswer(StrEnum):
    WAIT = "Leave when it is written"
    LEAVE = "Leave now and discard the file"
    STAY = "Stay"


def not_saved(name: str) -> str:
    """Return the sentence about a file whose writing was stopped."""
    return f"{name} was not saved: writing it was stopped, and the partial file is discarded."


class ActiveSaves:
    """The files that are being written."""

    def __init__(self, context: ScreenContext) -> None:
        self._context = context
        self._running: dict[asyncio.Task[None], str] = {}
        """The names of the files by task."""
        self._leave: Callable[[], object] | None = None
        """Called when all are written, if the user chose to leave then."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the files that are not complete yet."""
        return tuple(self._running.values())

    def start(self, name: str, write: Awaitable[str], on_saved: Callable[[], object]) -> None:
        """Write a file in the background.

        `write` returns the sentence that confirms it. `on_saved` is not called if writing fails or is stopped.
        """
        task = self._context.run_task(self._write(name, write, on_saved))
        self._running[task] = name
        task.add_done_callback(self._remove)

    def confirm_stop(self) -> bool:
        """Ask whether to stop all writing. Return False when nothing is being written."""
        if not self._running:
            return False
        self._context.push_dialog(QuestionDialog(_TITLE, self._summary, _StopAnswer), self._decide_stop)
        return True

    def leave(self, leave: Callable[[], object]) -> None:
        """Call `leave` at once; or, while something is being written, when and if the user wants."""
        if not self._running:
            leave()
            return

        def decide(answer: _LeaveAnswer) -> None:
            if answer is _LeaveAnswer.WAIT and self._running:
                self._leave = leave
                self._context.notify(f"{self._summary} This capture is left when that is done.")
            elif answer is not _LeaveAnswer.STAY:
                self._stop()
                leave()

        self._context.push_dialog(PartingDialog(_TITLE, self._summary, _LeaveAnswer), decide)

    async def _write(self, name: str, write: Awaitable[str], on_saved: Callable[[], object]) -> None:
        progress = f"{name} is being written in the background. Esc in the list stops it."
        timer = asyncio.get_running_loop().call_later(_PROGRESS_DELAY, self._context.notify, progress)
        try:
            self._context.notify(await write)
        except BaseException:
            self._leave = None  # stay, so that the error is seen
            raise
        finally:
            timer.cancel()
        on_saved()

    def _remove(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        if self._leave is not None and not self._running:
            leave, self._leave = self._leave, None
            leave()

    def _decide_stop(self, answer: _StopAnswer) -> None:
        if answer is _StopAnswer.STOP:
            self._stop()

    def _stop(self) -> None:
        for task, name in tuple(self._running.items()):
            if task.cancel():
                self._context.notify(not_saved(name))
        self._running.clear()
        self._leave = None

    @property
    def _summary(self) -> str:
        first, *others = self._running.values()
        return f"{len(others) + 1} files are being written." if others else f"{first} is being written."


class SaveController:
    """Saves captures, exports, and what a pane shows."""

    def __init__(
        self,
        context: ScreenContext,
        session: Session,
        catalog: Catalog,
        browser: Browser,
        screenshot: Callable[[], str],
        secrets: SecretSwitch,
    ) -> None:
        """`screenshot` returns the whole screen as SVG."""
        self._context, self._session, self._screenshot = context, session, screenshot
        self._catalog, self._browser, self._feed = catalog, browser, browser.feed
        self._secrets = secrets
        self.active = ActiveSaves(context)

    def action_save(self) -> None:
        """Ask what to save or export, and write it."""
        self._save(lambda: None)

    def leave(self, leave: Callable[[], object]) -> None:
        """Call `leave` at once; or, if something would be lost, when and if the user wants."""
        self.active.leave(lambda: self._leave_comments(leave))

    def _leave_comments(self, leave: Callable[[], object]) -> None:
        comments = self._session.comments

        def decide(parting: Parting) -> None:
            if parting is Parting.LEAVE:
                leave()
            elif parting is Parting.SAVE:
                self._save(lambda: None if comments.unsaved else leave())

        if comments.unsaved:
            self._context.push_dialog(UnsavedDialog(comments.unsaved, self._session.status.source), decide)
        else:
            leave()

    def _save(self, on_saved: Callable[[], object]) -> None:
        def export(choice: ExportChoice) -> None:
            self.active.start(choice.path.name, choice.option.write(choice.path, choice.included), on_saved)

        options = export_options(self._export_context())
        self._context.push_dialog(ExportDialog(options, self._session.status.source, self._secrets), export)

    def _export_context(self) -> ExportContext:
        source, call = self._session.source, self._browser.call
        comments = self._session.comments.changed
        is_pcapng = bool(comments) or (isinstance(source, FileSource) and ".pcapng" in source.path.name)
        return ExportContext(
            session=self._session,
            catalog=self._catalog,
            shown_packets=self._shown_packets,
            marked_packets=self._marked_packets,
            marks=self._browser.listing.marks.count,
            frames=self._feed.frames.positions,
            calls=self._feed.calls.keys,
            call=None if call is None else call.key,
            connection=connection_of(self._browser.subject, self._session.store),
            suffix=".pcapng" if is_pcapng else ".pcap",
            comments=comments,
            picture=self._picture(),
            secrets=self._secrets,
        )

    def _picture(self) -> Picture:
        clear, mask = self._screenshot(), self._secrets.mask(is_on=False)
        detail = self._browser.detail
        with detail.pane.viewport.masked(mask):
            return Picture(self._screenshot() if mask.count else clear, clear, mask, shows_bytes(detail.document))

    def _shown_packets(self) -> Iterable[int]:
        if self._browser.listing.shown.id == PACKETS:
            return self._feed.packets.numbers[:]
        return packets_of_frames(self._session, self._feed.frames.positions[:])

    async def _marked_packets(self) -> frozenset[int]:
        """Return the packets of all marked rows: frames, calls, connections, and packets themselves."""
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

    def on_save_requested(self, message: SaveRequested) -> None:
        """Ask where to save what a pane shows, and write it."""
        mask = self._secrets.mask()
        data, name = message.make(mask)
        clear = message.make(self._secrets.mask(is_on=True))[0] if mask.count else data
        label = secrets_label(mask.secrets) if mask.count else ""
        dialog = SaveDialog(f"{self._session.status.source} {name}", _suffix(data), f"Save {name}", label)

        def save(location: SaveLocation) -> None:
            remark = secrets_remark(mask, is_raw=message.is_raw, shows_secrets=location.shows_secrets)
            confirmation = f"Saved {name} as {location.path}{remark and f': {remark}'}"
            contents = clear if location.shows_secrets else data
            self._context.run_task(self._write(location.path, contents, confirmation))

        self._context.push_dialog(dialog, save)

    async def _write(self, path: Path, data: bytes, confirmation: str) -> None:
        write_private(path, data)
        self._context.notify(confirmation)


def _suffix(data: bytes) -> str:
    return ".bin" if b"\0" in data else ".txt"
