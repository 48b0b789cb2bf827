"""The capture as a whole: stop, resume, open files, Decode As, comments, and captures left by killed runs."""

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
from inspector.ui.controllers.context import ScreenContext
from inspector.ui.dialogs.base import LineDialog
from inspector.ui.dialogs.choice import Choice, Chosen, TypedChoiceDialog
from inspector.ui.dialogs.files import Decision, Fate, LeftDialog, OpenDialog, SaveDialog
from inspector.ui.messages import CaptureOpened, SessionReplaced
from inspector.ui.subject import packet_of
from inspector.ui.widgets.notice import LeftBanner

_STILL_STARTING: Final = "The capture is still starting."


class CaptureController:
    """Stops and resumes the capture, and opens capture files."""

    def __init__(
        self, context: ScreenContext, session: Session, open_capture: Callable[[Path], Session] | None
    ) -> None:
        """`open_capture` makes the session of a capture file; None when no file can be opened."""
        self._context, self._session, self._open = context, session, open_capture

    def action_toggle_capture(self) -> None:
        """Stop the capture or the reading of a file, or resume it."""
        match self._session.status.phase:
            case Phase.LIVE | Phase.READING:
                self._context.run_task(self._session.stop_capture())
            case Phase.STOPPED:
                self._context.run_task(self._session.start_capture())
            case Phase.STARTING:
                self._context.notify(_STILL_STARTING)
            case phase:
                self._context.notify(f"There is no capture to stop: {self._session.status.source} is {phase}.")

    def action_load(self) -> None:
        """Ask for a capture file and open it on top of this one."""
        self._context.push_dialog(OpenDialog(), self._load)

    def _load(self, path: Path) -> None:
        if self._open is None:
            self._context.notify("No other capture can be opened here.")
        else:
            self._context.post_message(CaptureOpened(self._open(path)))


_TLS, _OFF = "f7", "f8"
_PORTS_OFFERED: Final = 200


class DecodeAsController:
    """Changes how a port is decoded. The capture is then read again from its start."""

    def __init__(self, context: ScreenContext, session: Session) -> None:
        self._context, self._session = context, session

    def action_decode_as(self) -> None:
        """Ask for a port and its protocol."""
        dialog = TypedChoiceDialog(
            "Decode As…",
            self._ports(),
            "Enter: HTTP/2 · F7: TLS · F8: not at all · or type a port · Esc cancels",
            lambda typed: Choice(int(typed), typed, "as typed") if _is_port(typed) else None,
            (_TLS, _OFF),
        )
        self._context.push_dialog(dialog, self._decode)

    def _ports(self) -> list[Choice]:
        decoding, packets = self._session.decoder.decoding, self._session.decoder.ingest.packets_by_port
        # By packets, so that the port of the service comes before the ephemeral ports of its clients.
        ports = sorted(
            packets.keys() | decoding.all_ports,
            key=lambda port: (port not in decoding.all_ports, -packets[port], port),
        )
        return [
            Choice(port, str(port), f"{counted(packets[port], 'packet'):>16}   {_protocol_name(decoding, port)}")
            for port in ports[:_PORTS_OFFERED]
        ]

    def _decode(self, chosen: Chosen) -> None:
        decoding = _changed(self._session.decoder.decoding, chosen)
        if decoding == self._session.decoder.decoding:
            self._context.notify(f"Port {chosen.value} is already decoded like this.")
        elif self._session.can_reread:
            self._context.post_message(SessionReplaced(self._session.reread(decoding)))
        else:
            self._context.notify(_STILL_STARTING)


def _changed(decoding: Decoding, chosen: Chosen) -> Decoding:
    without = decoding.without(chosen.value)
    return without if chosen.key == _OFF else without.with_opening(Opening(chosen.value, is_tls=chosen.key == _TLS))


def _is_port(typed: str) -> bool:
    return typed.isascii() and typed.isdigit() and 0 < int(typed[:6]) < 1 << 16


def _protocol_name(decoding: Decoding, port: int) -> str:
    if port in decoding.tls_ports:
        return "TLS"
    if port in decoding.http_ports:
        return "HTTP/1.1, HTTP/2 behind"
    return "HTTP/2" if port in decoding.ports else ""


_MAX_BYTES_COUNTED: Final = 64_000_000
"""How much is read to count packets, in all captures together and the newest first; others show their size instead.
The dialog waits for the count, which takes a fraction of a second for this much."""
_MAX_LEFT_OFFERED: Final = 20
"""The newest ones. A machine on which the program crashes often would fill the dialog."""


class LeftCapturesController:
    """Offers captures left by runs that were killed: to open, save or delete."""

    def __init__(
        self,
        context: ScreenContext,
        session: Session,
        banner: LeftBanner,
        open_left: Callable[[LeftCapture], Session] | None,
    ) -> None:
        """`open_left` makes the session of such a capture; None to offer none."""
        self._context, self._session, self._banner, self._open = context, session, banner, open_left
        banner.on_chosen = self.action_choose_left

    def start(self) -> None:
        """Look for captures in the background, and show the banner if there are any."""
        if self._open is not None:
            remove_old_orphans()
            self._context.run_task(self._update_banner())

    def action_choose_left(self) -> None:
        """Show the captures and what can be done with each."""
        self._context.run_task(self._show_dialog())

    async def _update_banner(self) -> None:
        self._banner.offer([facts for _, facts in await self._find()])

    async def _find(self) -> list[tuple[LeftCapture, str]]:
        """Return the captures that hold packets, each with its date and size, without the one that is shown now."""
        source, found = self._session.source, list[tuple[LeftCapture, str]]()
        budget = _MAX_BYTES_COUNTED
        shown = source.path.resolve() if isinstance(source, FileSource) and source.left is None else None
        for capture in left_captures()[:_MAX_LEFT_OFFERED]:
            try:
                packets = await count_packets(capture.paths, budget)
            except SourceError:  # deleted meanwhile by another instance, or overwritten by something else
                continue
            if packets is not None:
                budget -= capture.size
            if packets != 0 and shown not in {path.resolve() for path in capture.paths}:
                extent = size(capture.size) if packets is None else counted(packets, "packet")
                found.append((capture, f"{capture.when}, {extent}"))
        return found

    async def _show_dialog(self) -> None:
        found = await self._find() if self._open is not None else []
        if found:
            self._context.push_dialog(LeftDialog(found), self._decide)
        else:
            self._banner.offer(())
            self._context.notify("There is no capture of a killed run.")

    def _decide(self, decision: Decision) -> None:
        capture = decision.capture
        match decision.fate:
            case Fate.OPEN if self._open is not None:
                self._banner.dismiss()
                self._context.post_message(CaptureOpened(self._open(capture)))
                self._context.notify("It is offered again until all of it is saved (Ctrl+S) or deleted (F9).")
            case Fate.SAVE:
                dialog = SaveDialog(str(capture), ".pcap", f"Save the {capture}")
                self._context.push_dialog(dialog, lambda place: self._context.run_task(self._save(capture, place.path)))
            case Fate.DELETE:
                self._context.run_task(self._delete(capture, f"Deleted the capture of the {capture}."))

    async def _save(self, capture: LeftCapture, path: Path) -> None:
        opened = open_joined(capture.paths)
        try:
            await opened.save(path, overwrite=True)
        finally:
            opened.discard()
        await self._delete(capture, f"Saved {size(opened.size)} as {path}.")

    async def _delete(self, capture: LeftCapture, confirmation: str) -> None:
        capture.delete()
        self._context.notify(confirmation)
        await self._update_banner()


class CommentController:
    """Edits packet comments."""

    def __init__(self, context: ScreenContext, session: Session, browser: Browser) -> None:
        self._context, self._session, self._browser = context, session, browser

    def action_comment(self) -> None:
        """Edit the comment on the packet of the selection."""
        if (number := packet_of(self._browser.subject, self._session.store)) is None:
            self._context.notify("Select a frame, a call or a packet to comment on its packet.")
            return
        note = "Saved with the capture, as pcapng · Enter keeps it, an empty one is removed · Esc cancels"
        text = self._session.comments.text(number)
        self._context.push_screen(LineDialog(f"Comment on packet {number}", note, partial(self._put, number), text))

    def _put(self, number: int, text: str) -> None:
        if not self._session.comments.put(number, text):
            return
        self._browser.redraw()
        change = f"The comment on packet {number}" if text.strip() else f"The removal of packet {number}'s comment"
        self._context.notify(f"{change} takes effect in the file when the capture is saved (Ctrl+S).")
