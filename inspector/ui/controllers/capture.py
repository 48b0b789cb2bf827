"""Stop, start and open captures, decode as, comment, and offer captures of killed runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from inspector.capture.capture_file import count_packets, open_joined
from inspector.capture.left_captures import LeftCapture, left_captures, remove_old_orphans
from inspector.capture.protocol_detection import Opening
from inspector.errors import SourceError
from inspector.session import FileSource, Phase, Session
from inspector.text import counted, size
from inspector.tshark.binary import Decoding
from inspector.ui.browser import Browser
from inspector.ui.controllers.context import Actions, ScreenContext
from inspector.ui.dialogs.base import LineDialog
from inspector.ui.dialogs.choice import Choice, Chosen, TypedChoiceDialog
from inspector.ui.dialogs.files import Decision, Fate, LeftDialog, OpenDialog, SaveDialog
from inspector.ui.messages import CaptureOpened, SessionReplaced
from inspector.ui.subject import packet_of
from inspector.ui.widgets.notice import LeftBanner


class CaptureController:
    """Acts on the capture as a whole."""

    def __init__(self, stage: ScreenContext, session: Session, open_capture: Callable[[Path], Session] | None) -> None:
        """`open_capture` makes the session of a capture file; None where no other can be opened."""
        self._stage, self._session, self._open = stage, session, open_capture

    @property
    def actions(self) -> Actions:
        """Stop, start, open."""
        return {"toggle_capture": self._toggle, "load": lambda: self._stage.ask(OpenDialog(), self._load)}

    def _toggle(self) -> None:
        match self._session.status.phase:
            case Phase.LIVE | Phase.READING:
                self._stage.work(self._session.stop_capture())
            case Phase.STOPPED:
                self._stage.work(self._session.start_capture())
            case Phase.STARTING:
                self._stage.say("The capture is still starting.")
            case phase:
                self._stage.say(f"Nothing is captured here: {self._session.status.source} is {phase}.")

    def _load(self, path: Path) -> None:
        if self._open is None:
            self._stage.say("No other capture can be opened here.")
        else:
            self._stage.post(CaptureOpened(self._open(path)))


_TLS, _OFF = "f7", "f8"
_PORTS_OFFERED: Final = 200


class DecodeAsController:
    """Asks for a port, and how it shall be decoded."""

    def __init__(self, stage: ScreenContext, session: Session) -> None:
        self._stage, self._session = stage, session

    @property
    def actions(self) -> Actions:
        """Ask."""
        return {"decode_as": self._ask}

    def _ask(self) -> None:
        dialog = TypedChoiceDialog(
            "Decode As…",
            self._ports(),
            "Enter: HTTP/2 · F7: TLS · F8: not at all · a port may be typed · Esc cancels",
            lambda typed: Choice(int(typed), typed, "as typed") if _is_port(typed) else None,
            (_TLS, _OFF),
        )
        self._stage.ask(dialog, self._decode)

    def _ports(self) -> list[Choice]:
        decoding, packets = self._session.decoder.decoding, self._session.decoder.packets_by_port
        ports = sorted(
            packets.keys() | decoding.all_ports,
            key=lambda port: (port not in decoding.all_ports, -packets[port], port),  # of both ends, the service first
        )
        return [
            Choice(port, str(port), f"{counted(packets[port], 'packet'):>16}   {_decoded_as(decoding, port)}")
            for port in ports[:_PORTS_OFFERED]
        ]

    def _decode(self, chosen: Chosen) -> None:
        decoding = _changed(self._session.decoder.decoding, chosen)
        if decoding == self._session.decoder.decoding:
            self._stage.say(f"Port {chosen.value} is decoded so already.")
        elif self._session.can_reread:
            self._stage.post(SessionReplaced(self._session.reread(decoding)))
        else:
            self._stage.say("The capture is still starting.")


def _changed(decoding: Decoding, chosen: Chosen) -> Decoding:
    without = decoding.without(chosen.value)
    return without if chosen.key == _OFF else without.with_opening(Opening(chosen.value, is_tls=chosen.key == _TLS))


def _is_port(typed: str) -> bool:
    return typed.isascii() and typed.isdigit() and 0 < int(typed[:6]) < 1 << 16


def _decoded_as(decoding: Decoding, port: int) -> str:
    if port in decoding.tls_ports:
        return "TLS"
    if port in decoding.http_ports:
        return "HTTP/1.1, HTTP/2 behind"
    return "HTTP/2" if port in decoding.ports else ""


_COUNTED: Final = 64_000_000
"""Bytes whose packets are counted, the newest capture's first; for the others only the size is shown. All of them
together, as the dialog waits for it: a fraction of a second."""
_OFFERED: Final = 20
"""The newest; those of a machine that crashes a lot would fill the dialog."""


class LeftCapturesController:
    """Acts on what killed runs have left."""

    def __init__(
        self,
        stage: ScreenContext,
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


class CommentController:
    """Asks for comments."""

    def __init__(self, stage: ScreenContext, session: Session, browser: Browser) -> None:
        self._stage, self._session, self._browser = stage, session, browser

    @property
    def actions(self) -> Actions:
        """Comment on the selected packet."""
        return {"comment": self._ask}

    def _ask(self) -> None:
        if (number := packet_of(self._browser.subject, self._session.store)) is None:
            self._stage.say("Select a frame, a call or a packet to write a comment on its packet.")
            return
        note = "It is saved with the capture, as pcapng · Enter keeps it, an empty one takes it away · Esc cancels"
        text = self._session.comments.text(number)
        self._stage.show(LineDialog(f"Comment on packet {number}", note, partial(self._put, number), text))

    def _put(self, number: int, text: str) -> None:
        if not self._session.comments.put(number, text):
            return
        self._browser.redraw()
        what = f"The comment on packet {number}" if text.strip() else f"That packet {number} has no comment any more"
        self._stage.say(f"{what} goes with the capture when that is saved (Ctrl+S).")
