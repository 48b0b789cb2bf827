"""Boxes and banners above the lists: errors, remarks, and offers that Esc dismisses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from textual.content import Content
from textual.widgets import Static

from inspector.capture.engines.registry import is_relay
from inspector.present.late_joins import LateJoins
from inspector.scheduling import run_in_slices
from inspector.schema.catalog import Catalog
from inspector.session import Phase, SessionStatus
from inspector.store.store import Change, Store
from inspector.text import clean, limit


class _Message(NamedTuple):
    text: str = ""
    hint: str = ""
    title: str = ""
    is_error: bool = True


_NO_MESSAGE = _Message()


class Notice(Static):
    """One message at a time: the failure of the capture, else an error of an action, else a remark of the session."""

    def __init__(self) -> None:
        super().__init__(id="notice", markup=False)
        self.display = False
        self._failure = self._error = self._remark = _NO_MESSAGE
        self._dismissed: set[_Message] = set()
        self._shown = _NO_MESSAGE

    def show_status(self, status: SessionStatus) -> None:
        """Show the failure or the remark of a session, if it has one."""
        self._failure = _NO_MESSAGE
        if status.error is not None:
            title = "The capture stopped" if status.phase is Phase.STOPPED else "The capture failed"
            self._failure = _Message(status.error.message, status.error.hint, title)
        if status.warning:
            self._remark = _Message(status.warning, is_error=False)
        elif status.backlog is not None and status.backlog.is_stalled:
            self._remark = _Message(status.backlog.cause, title="Decoding has stalled", is_error=False)
        elif status.notice:
            self._remark = _Message(status.notice, is_error=False)
        elif status.left:
            text = f"The memory limit of {limit(status.memory)} is reached: the oldest frames make room for new ones."
            self._remark = _Message(text, "--memory SIZE sets another limit.", is_error=False)
        elif is_relay(status.engine):
            self._remark = _Message(status.reason, title="Capturing with the tap", is_error=False)
        else:
            self._remark = _NO_MESSAGE
        self._show()

    def tell(self, message: str, hint: str = "", title: str = "") -> None:
        """Show an error; an empty message removes it."""
        self._error = _Message(message, hint, title) if message else _NO_MESSAGE
        self._show()

    def dismiss(self) -> bool:
        """Hide the error, or else the remark; return False if there is neither. A failure stays."""
        if self._error.text:
            self._error = _NO_MESSAGE
        elif self._remark.text and self._remark not in self._dismissed:
            self._dismissed.add(self._remark)
        else:
            return False
        self._show()
        return True

    def _show(self) -> None:
        error = self._error if self._error.text != self._failure.text else _NO_MESSAGE
        remark = _NO_MESSAGE if self._remark in self._dismissed else self._remark
        shown = next((message for message in (self._failure, error, remark) if message.text), _NO_MESSAGE)
        if shown == self._shown:
            return
        self._shown = shown
        self.display = bool(shown.text)
        self.border_title = Content(clean(shown.title)) if shown.title else None
        self.border_subtitle = None if shown == self._failure else "Esc closes"
        self.set_class(not shown.is_error, "-mild")
        hint = [(f"\n{_lines(shown.hint)}", "")] if shown.hint else []
        self.update(Content.assemble((_lines(shown.text), "bold" if shown.is_error else ""), *hint))


def _lines(text: str) -> str:
    """Return text with each of its lines cleaned; errors of engines and protoc have several."""
    return "\n".join(clean(line) for line in text.splitlines())


class LateBanner(Static):
    """The remark that connections were joined late, so that some method names are missing or guessed."""

    def __init__(self, store: Store, catalog: Catalog) -> None:
        super().__init__(id="late", markup=False)
        self.display = False
        self._joins = LateJoins(store, catalog)
        self._is_dismissed = False
        self._shown = ""

    def update_joins(self, change: Change) -> None:
        """Update the remark after a change of the store."""
        self._joins.update(change)
        self._draw()

    def reread(self) -> None:
        """Update the remark after a change of the schema, in slices between keys."""
        self.run_worker(self._reread(), group="reread", exclusive=True)

    async def _reread(self) -> None:
        await run_in_slices(self._joins.reread())
        self._draw()

    def _draw(self) -> None:
        sentence = self._joins.sentence()
        if sentence != self._shown:
            self._shown = sentence
            keys = "   M names one · Esc hides this" if self._joins.can_be_named else "   Esc hides this"
            self.update(Content.assemble((f"◌ {sentence}", ""), (keys, "$tone-dim")))
            self.display = bool(sentence) and not self._is_dismissed

    def dismiss(self) -> bool:
        """Hide the remark for the rest of this capture; return False if it was not visible."""
        was_shown, self._is_dismissed, self.display = self.display, True, False
        return was_shown


class LeftBanner(Static):
    """The offer to open captures of runs that were killed. It takes no focus, so that typing goes on elsewhere."""

    def __init__(self) -> None:
        super().__init__(id="left", markup=False)
        self.display = False
        self.on_chosen: Callable[[], object] = lambda: None
        """Called when the banner is clicked."""

    def offer(self, captures: Sequence[str]) -> None:
        """Offer captures, the latest first; an empty sequence withdraws the offer."""
        self.display = bool(captures)
        if captures:
            count = len(captures)
            what = "what a killed run captured: " if count == 1 else f"what {count:,} killed runs captured; latest: "
            self.update(Content.assemble("◌ F9 opens ", what, clean(captures[0]), ("   Esc: later", "$tone-dim")))

    def dismiss(self) -> bool:
        """Withdraw the offer until the next start; return False if there was none."""
        was_shown, self.display = self.display, False
        return was_shown

    def on_click(self) -> None:
        """Open the captures."""
        self.on_chosen()
