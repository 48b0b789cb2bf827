"""Comments on packets: written here, drawn at once, and kept with the capture when that is saved."""

from __future__ import annotations

from functools import partial

from inspector.session import Session
from inspector.ui.parts.stage import Actions, Stage
from inspector.ui.screens.line_dialog import LineDialog
from inspector.ui.subject import packet_of
from inspector.ui.widgets.browser import Browser


class Commenting:
    """Asks for comments."""

    def __init__(self, stage: Stage, session: Session, browser: Browser) -> None:
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
