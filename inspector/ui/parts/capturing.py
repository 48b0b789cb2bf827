"""Stops the capture and starts it again; opens another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from inspector.session import Phase, Session
from inspector.ui.messages import CaptureOpened
from inspector.ui.parts.stage import Actions, Stage
from inspector.ui.screens.open_dialog import OpenDialog


class Capturing:
    """Acts on the capture as a whole."""

    def __init__(self, stage: Stage, session: Session, open_capture: Callable[[Path], Session] | None) -> None:
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
