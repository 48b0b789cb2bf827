"""Writes a request: its messages as JSON, beside them metadata and whatever else a call can be asked for.

Owns what is on the form. Says what is wrong, with the cursor at it, before anything leaves; sends nothing itself.
"""

from __future__ import annotations

from typing import NamedTuple

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.dom import DOMNode
from textual.widgets import OptionList, Static

from inspector.client.active_call import TAKES_ONE
from inspector.client.options import CallSettings
from inspector.errors import RequestError
from inspector.schema.catalog import Catalog, Method
from inspector.schema.encode import build
from inspector.schema.template import template
from inspector.schema.untyped import BLANK, WITHOUT_SCHEMA
from inspector.text import clean
from inspector.ui.bindings import KeyContext, bindings
from inspector.ui.dialogs.base import Dialog
from inspector.ui.draft import KIND_WORDS, Draft, message_texts
from inspector.ui.widgets.json_area import Candidates, JsonArea, locate_error
from inspector.ui.widgets.settings_form import SettingsForm, masked_words

_KEYS = "F5 ^J send · Tab completes · ^N names · ^T all fields · Esc closes"


class Edited(NamedTuple):
    """What the editor was left with."""

    draft: Draft
    is_sent: bool
    """True when it shall be sent."""


class EditorScreen(Dialog[Edited]):
    """The editor of one request; gives what was written, or None when that is of no use."""

    BINDINGS = bindings(KeyContext.EDITOR)

    def __init__(self, draft: Draft, method: Method, catalog: Catalog) -> None:
        super().__init__()
        self._draft, self._method, self._catalog = draft, method, catalog

    def compose(self) -> ComposeResult:
        """The message on the left, how to call on the right, and a line that says what keys do."""
        candidates, method = Candidates(), self._method
        with Vertical(classes="dialog -editor") as box:
            box.border_title = Content(clean(f"{method.path.removeprefix('/')} · {KIND_WORDS[method.kind]}"))
            with Horizontal():
                area = JsonArea(self._draft.text or self._blank(), method, self._catalog, candidates)
                several = "" if method.kind in TAKES_ONE else ", one after the other"
                area.border_title = Content(clean(f"{method.request_name or f'Message, {WITHOUT_SCHEMA}'}{several}"))
                yield area
                yield SettingsForm(self._draft.settings, method.kind)
            yield Static(id="dialog-note", markup=False)
        yield candidates

    def on_mount(self) -> None:
        """Begin in the message, at its end if it is one of ours."""
        area = self._area
        area.move_cursor(_first_value(area.text))
        self.call_after_refresh(self._show_beginning)
        if masked := self._draft.settings.masked:
            self.query_one(SettingsForm).enter_masked(masked)
            self._ask(masked_words(masked), _KEYS)
        else:
            area.focus()
            self._say(_KEYS)

    def _show_beginning(self) -> None:
        """Before there was room, the line of the cursor was all that could be in sight."""
        self._area.scroll_to(y=0, animate=False)
        self._area.scroll_cursor_visible()

    def on_key(self, event: events.Key) -> None:
        """What was typed before there was a place for it goes into the message."""
        if event.is_printable and event.character and self.focused in (None, self._area):
            self._area.insert(event.character)

    def leave(self) -> None:
        """What was written is kept, as with Esc."""
        self._action_close()

    def node_at(self, place: KeyContext) -> DOMNode | None:
        """What has the actions of a place now."""
        return self if place is KeyContext.EDITOR else None

    @property
    def _area(self) -> JsonArea:
        return self.query_one(JsonArea)

    def _blank(self) -> str:
        if not self._method.request_type:
            return BLANK
        try:
            return template(self._method, self._catalog)
        except RequestError:
            return ""

    def _action_send(self) -> None:
        try:
            draft = self._checked()
        except RequestError as error:
            self._say(error.message, error.hint, is_error=True)
        else:
            self.dismiss(Edited(draft, is_sent=True))

    def _checked(self) -> Draft:
        """What is written; RequestError, with the cursor where it says."""
        text = self._area.text
        for message in message_texts(text, self._method.kind):
            try:
                build(message.text, self._method, self._catalog)
            except RequestError as error:
                self._point(error, text, message.start)
                raise
        return self._written(text, self.query_one(SettingsForm).complete_settings())

    def _written(self, text: str, settings: CallSettings) -> Draft:
        return Draft(self._method.path, text, settings, self._draft.kind)

    def _point(self, error: RequestError, text: str, start: int) -> None:
        spot = locate_error(error, text, start)
        self._area.focus()
        if spot is not None:
            self._area.point_at(spot)

    def _action_close(self) -> None:
        if self._area.dismiss():
            return
        try:
            settings = self.query_one(SettingsForm).settings()
        except RequestError:
            settings = self._draft.settings
        text = "" if self._area.text == self._blank() else self._area.text
        self.dismiss(Edited(self._written(text, settings), is_sent=False))

    def _action_template(self) -> None:
        area = self._area
        area.replace(self._blank(), area.document.start, area.document.end)  # so that it can be undone
        area.move_cursor(_first_value(area.text))
        area.focus()

    def _action_complete(self) -> None:
        self._area.offer()

    @on(OptionList.OptionSelected, "#candidates")
    def _take_candidate(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._area.accept()

    def _ask(self, words: str, keys: str) -> None:
        """Ask for something, above the words about keys."""
        content = Content.assemble((clean(words), "$tone-warn"), "\n", (keys, "$tone-dim"))
        self.query_one("#dialog-note", Static).update(content)

    def _say(self, message: str, hint: str = "", *, is_error: bool = False) -> None:
        """A line of words, or what is wrong and where the cursor is now."""
        if not is_error:
            self.query_one("#dialog-note", Static).update(Content.assemble((message, "$tone-dim")))
            return
        line, column = self._area.cursor_location
        place = f"{line + 1}:{column + 1}  " if self.focused is self._area else ""
        words = Content.assemble((clean(place + message), "$error"), "\n" if hint else "", clean(hint))
        self.query_one("#dialog-note", Static).update(words)


def _first_value(text: str) -> tuple[int, int]:
    """Inside the first pair of quotes that holds nothing, else at the start."""
    for number, line in enumerate(text.split("\n")):
        if (at := line.find('""')) >= 0:
            return number, at + 1
    return 0, 0
