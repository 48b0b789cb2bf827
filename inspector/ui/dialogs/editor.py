"""The request editor: messages as JSON, with metadata and the other settings of a call beside them.

It checks a request before returning it, and moves the cursor to an error. It sends nothing itself.
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

_HELP = "F5 ^J send · Tab completes · ^N names · ^T all fields · Esc closes"


class Edited(NamedTuple):
    """The result of the editor."""

    draft: Draft
    is_sent: bool
    """True if the user sends it, False if the editor was only closed."""


class EditorScreen(Dialog[Edited]):
    """Edits one request."""

    BINDINGS = bindings(KeyContext.EDITOR)

    def __init__(self, draft: Draft, method: Method, catalog: Catalog) -> None:
        super().__init__()
        self._draft, self._method, self._catalog = draft, method, catalog

    def compose(self) -> ComposeResult:
        """Yield the message on the left, the settings on the right, the help, and the list of candidates."""
        candidates, method = Candidates(), self._method
        with Vertical(classes="dialog -editor") as box:
            box.border_title = Content(clean(f"{method.path.removeprefix('/')} · {KIND_WORDS[method.kind]}"))
            with Horizontal():
                area = JsonArea(self._draft.text or self._blank(), method, self._catalog, candidates)
                suffix = "" if method.kind in TAKES_ONE else ", one after the other"
                area.border_title = Content(clean(f"{method.request_name or f'Message, {WITHOUT_SCHEMA}'}{suffix}"))
                yield area
                yield SettingsForm(self._draft.settings, method.kind)
            yield Static(id="dialog-note", markup=False)
        yield candidates

    def on_mount(self) -> None:
        """Focus the message, or the first masked value that must be entered."""
        area = self._area
        area.move_cursor(_first_value(area.text))
        self.call_after_refresh(self._scroll_to_start)
        if masked := self._draft.settings.masked:
            self.query_one(SettingsForm).enter_masked(masked)
            note = Content.assemble((clean(masked_words(masked)), "$tone-warn"), "\n", (_HELP, "$tone-dim"))
            self.query_one("#dialog-note", Static).update(note)
        else:
            area.focus()
            self.show_note(_HELP)

    def _scroll_to_start(self) -> None:
        # Moving the cursor before the first layout has scrolled to its line.
        self._area.scroll_to(y=0, animate=False)
        self._area.scroll_cursor_visible()

    def on_key(self, event: events.Key) -> None:
        """Insert keys that were typed ahead of the focus into the message."""
        if event.is_printable and event.character and self.focused in (None, self._area):
            self._area.insert(event.character)

    def leave(self) -> None:
        """Close the editor and keep the request, like Esc."""
        self._action_close()

    def node_at(self, context: KeyContext) -> DOMNode | None:
        """Return the node that has the actions of a key context."""
        return self if context is KeyContext.EDITOR else None

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
            self._show_error(error)
        else:
            self.dismiss(Edited(draft, is_sent=True))

    def _checked(self) -> Draft:
        """Return the draft; for an error in the message, move the cursor there and raise RequestError."""
        text = self._area.text
        for message in message_texts(text, self._method.kind):
            try:
                build(message.text, self._method, self._catalog)
            except RequestError as error:
                self._move_to_error(error, text, message.start)
                raise
        return self._new_draft(text, self.query_one(SettingsForm).complete_settings())

    def _new_draft(self, text: str, settings: CallSettings) -> Draft:
        return Draft(self._method.path, text, settings, self._draft.kind)

    def _move_to_error(self, error: RequestError, text: str, start: int) -> None:
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
        self.dismiss(Edited(self._new_draft(text, settings), is_sent=False))

    def _action_template(self) -> None:
        area = self._area
        area.replace(self._blank(), area.document.start, area.document.end)  # unlike `load_text`, this can be undone
        area.move_cursor(_first_value(area.text))
        area.focus()

    def _action_complete(self) -> None:
        self._area.offer()

    @on(OptionList.OptionSelected, "#candidates")
    def _take_candidate(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._area.accept()

    def _show_error(self, error: RequestError) -> None:
        line, column = self._area.cursor_location
        place = f"{line + 1}:{column + 1}  " if self.focused is self._area else ""
        hint = f"\n{clean(error.hint)}" if error.hint else ""
        self.query_one("#dialog-note", Static).update(Content.assemble((clean(place + error.message), "$error"), hint))


def _first_value(text: str) -> tuple[int, int]:
    """Return the location inside the first empty pair of quotes, else the start."""
    for number, line in enumerate(text.split("\n")):
        if (at := line.find('""')) >= 0:
            return number, at + 1
    return 0, 0
