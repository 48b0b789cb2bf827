"""Offers the captures of runs that were killed: at the start of the app, by a key, and in the palette.

Owns which of them are offered. The offer is a line that takes no focus, so that the first call goes out as ever.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from inspector.capture.capture_file import count_packets, open_joined
from inspector.capture.orphans import LeftCapture, left_captures, remove_old_orphans
from inspector.errors import SourceError
from inspector.session import FileSource, Session
from inspector.ui.messages import CaptureOpened
from inspector.ui.parts.stage import Actions, Stage
from inspector.ui.screens.left_dialog import Decision, Fate, LeftDialog
from inspector.ui.screens.save_dialog import SaveDialog
from inspector.ui.widgets.late_banner import LeftBanner
from inspector.views.text import counted, size

_COUNTED: Final = 64_000_000
"""Bytes whose packets are counted, the newest capture's first; for the others only the size is shown. All of them
together, as the dialog waits for it: a fraction of a second."""
_OFFERED: Final = 20
"""The newest; those of a machine that crashes a lot would fill the dialog."""


class LeftCaptures:
    """Acts on what killed runs have left."""

    def __init__(
        self,
        stage: Stage,
        session: Session,
        banner: LeftBanner,
        open_left: Callable[[LeftCapture], Session] | None,
    ) -> None:
        """`open_left` makes the session of one; None where none is offered."""
        self._stage, self._session, self._banner, self._open = stage, session, banner, open_left
        banner.on_chosen = self._choose

    @property
    def actions(self) -> Actions:
        """Choose one, and what becomes of it."""
        return {"choose_left": self._choose}

    def begin(self) -> None:
        """Offer them, behind the first paint."""
        if self._open is not None:
            remove_old_orphans()
            self._stage.work(self._offer())

    async def _offer(self) -> None:
        self._banner.offer([facts for _, facts in await self._found()])

    async def _found(self) -> list[tuple[LeftCapture, str]]:
        """Those that hold packets, each with what is known of it; not one that the user opened by its path."""
        source, found = self._session.source, list[tuple[LeftCapture, str]]()
        counting = _COUNTED
        shown = source.path.resolve() if isinstance(source, FileSource) and source.left is None else None
        for capture in left_captures()[:_OFFERED]:
            try:
                packets = await count_packets(capture.paths, counting)
            except SourceError:  # another program has just deleted it, or it is no capture any more
                continue
            if packets is not None:
                counting -= capture.size
            if packets != 0 and shown not in {path.resolve() for path in capture.paths}:
                much = size(capture.size) if packets is None else counted(packets, "packet")
                found.append((capture, f"{capture.when}, {much}"))
        return found

    def _choose(self) -> None:
        self._stage.work(self._ask())

    async def _ask(self) -> None:
        found = await self._found() if self._open is not None else []
        if found:
            self._stage.ask(LeftDialog(found), self._decide)
        else:
            self._banner.offer(())
            self._stage.say("No run that was killed has left a capture.")

    def _decide(self, decision: Decision) -> None:
        capture = decision.capture
        match decision.fate:
            case Fate.OPEN if self._open is not None:
                self._banner.dismiss()
                self._stage.post(CaptureOpened(self._open(capture)))
                self._stage.say("When all of it is saved (Ctrl+S), it is offered no more; F9 deletes it.")
            case Fate.SAVE:
                dialog = SaveDialog(str(capture), ".pcap", f"Save the {capture}")
                self._stage.ask(dialog, lambda place: self._stage.work(self._save(capture, place.path)))
            case Fate.DELETE:
                self._stage.work(self._delete(capture, f"Deleted the capture of the {capture}."))

    async def _save(self, capture: LeftCapture, path: Path) -> None:
        opened = open_joined(capture.paths)
        try:
            await opened.save(path, overwrite=True)
        finally:
            opened.discard()
        await self._delete(capture, f"Saved {size(opened.size)} as {path}.")

    async def _delete(self, capture: LeftCapture, sentence: str) -> None:
        capture.delete()
        self._stage.say(sentence)
        await self._offer()
