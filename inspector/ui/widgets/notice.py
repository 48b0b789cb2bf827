"""Boxes and banners for what must be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from textual.content import Content
from textual.widgets import Static

from inspector.present.late_joins import LateJoins
from inspector.scheduling import run_in_slices
from inspector.schema.catalog import Catalog
from inspector.session import Phase, SessionStatus
from inspector.store.store import Change, Store
from inspector.text import clean, limit


class _Words(NamedTuple):
    message: str = ""
    hint: str = ""
    title: str = ""
    is_error: bool = True


_NOTHING = _Words()


class Notice(Static):
    """The box; not there while it has nothing to say."""

    def __init__(self) -> None:
        super().__init__(id="notice", markup=False)
        self.display = False
        self._failure = self._told = self._remark = _NOTHING
        self._read: set[_Words] = set()
        self._shown = _NOTHING

    def show_status(self, status: SessionStatus) -> None:
        """Say what the session has to say, if anything."""
        self._failure = _NOTHING
        if status.error is not None:
            title = "The capture stopped" if status.phase is Phase.STOPPED else "The capture failed"
            self._failure = _Words(status.error.message, status.error.hint, title)
        if status.amiss:
            self._remark = _Words(status.amiss, is_error=False)
        elif status.backlog is not None and status.backlog.is_stalled:
            self._remark = _Words(status.backlog.cause, title="Decoding has stalled", is_error=False)
        elif status.notice:
            self._remark = _Words(status.notice, is_error=False)
        elif status.left:
            message = (
                f"The memory limit of {limit(status.memory)} is reached: the oldest frames make room for new ones."
            )
            self._remark = _Words(message, "--memory SIZE sets another limit.", is_error=False)
        elif status.engine == "tap":
            self._remark = _Words(status.reason, title="Capturing with the tap", is_error=False)
        else:
            self._remark = _NOTHING
        self._show()

    def tell(self, message: str, hint: str = "", title: str = "") -> None:
        """Say what went wrong; an empty message takes back what was said."""
        self._told = _Words(message, hint, title) if message else _NOTHING
        self._show()

    def dismiss(self) -> bool:
        """Away with what has been read; False when there was nothing."""
        if self._told.message:
            self._told = _NOTHING
        elif self._remark.message and self._remark not in self._read:
            self._read.add(self._remark)
        else:
            return False
        self._show()
        return True

    def _show(self) -> None:
        told = self._told if self._told.message != self._failure.message else _NOTHING
        remark = _NOTHING if self._remark in self._read else self._remark
        words = next((each for each in (self._failure, told, remark) if each.message), _NOTHING)
        if words == self._shown:
            return
        self._shown = words
        self.display = bool(words.message)
        self.border_title = Content(clean(words.title)) if words.title else None
        self.border_subtitle = None if words == self._failure else "Esc closes"
        self.set_class(not words.is_error, "-mild")
        hint = [(f"\n{_lines(words.hint)}", "")] if words.hint else []
        self.update(Content.assemble((_lines(words.message), "bold" if words.is_error else ""), *hint))


def _lines(text: str) -> str:
    """Engines and protoc speak in several lines; each is made safe by itself."""
    return "\n".join(clean(line) for line in text.splitlines())


class LateBanner(Static):
    """Not there while everything is certain, nor after it was dismissed."""

    def __init__(self, store: Store, catalog: Catalog) -> None:
        super().__init__(id="late", markup=False)
        self.display = False
        self._joins = LateJoins(store, catalog)
        self._is_dismissed = False
        self._shown = ""

    def learn(self, change: Change) -> None:
        """Take in what changed, and say what is so now."""
        self._joins.update(change)
        self._say()

    def reread(self) -> None:
        """The schema is another: look again at what it tells of methods, between keys where that is much."""
        self.run_worker(self._look_again(), group="reread", exclusive=True)

    async def _look_again(self) -> None:
        await run_in_slices(self._joins.reread())
        self._say()

    def _say(self) -> None:
        sentence = self._joins.sentence()
        if sentence != self._shown:
            self._shown = sentence
            keys = "   M names one · Esc hides this" if self._joins.can_be_named else "   Esc hides this"
            self.update(Content.assemble((f"◌ {sentence}", ""), (keys, "$tone-dim")))
            self.display = bool(sentence) and not self._is_dismissed

    def dismiss(self) -> bool:
        """Away with it, for this capture; False when it was not there."""
        was_shown, self._is_dismissed, self.display = self.display, True, False
        return was_shown


class LeftBanner(Static):
    """Offers the captures of runs that were killed. Takes no focus: what is typed meanwhile goes where it would go."""

    def __init__(self) -> None:
        super().__init__(id="left", markup=False)
        self.display = False
        self.on_chosen: Callable[[], object] = lambda: None
        """Called for a click."""

    def offer(self, captures: Sequence[str]) -> None:
        """Offer captures, the latest first; none takes the offer back."""
        self.display = bool(captures)
        if captures:
            count = len(captures)
            what = "what a killed run captured: " if count == 1 else f"what {count:,} killed runs captured; latest: "
            self.update(Content.assemble("◌ F9 opens ", what, clean(captures[0]), ("   Esc: later", "$tone-dim")))

    def dismiss(self) -> bool:
        """Take the offer back until the next start; False when there was none."""
        was_shown, self.display = self.display, False
        return was_shown

    def on_click(self) -> None:
        """The same as the key."""
        self.on_chosen()
