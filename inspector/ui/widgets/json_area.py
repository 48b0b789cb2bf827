"""The editor of a message in JSON: colours, completion, and the location of errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from rich.text import Text
from textual import events
from textual.content import Content
from textual.geometry import Offset
from textual.widgets import OptionList, TextArea
from textual.widgets.option_list import Option
from textual.widgets.text_area import TextAreaTheme

from inspector.errors import RequestError
from inspector.present.spans import Tone
from inspector.schema.catalog import Catalog, Method
from inspector.schema.completion import Completion, complete
from inspector.text import clean
from inspector.ui.rendering import Palette

_TOKEN: Final = re.compile(r'"(?:\\.|[^"\\])*"|[{}\[\],:]|[^\s{}\[\],:"]+')


class TextLocation(NamedTuple):
    """A position in a text, counted from 0."""

    line: int
    column: int


def locate_error(error: RequestError, text: str, start: int = 0) -> TextLocation | None:
    """Return the location of an error in the message that begins at offset `start`; None if the error has none."""
    if error.place is not None:
        line, column = error.place
        first = location_at(text, start)
        return TextLocation(first.line + line - 1, column - 1 + (first.column if line == 1 else 0))
    offsets = {_normalized(path): offset for path, offset in _paths(text, start)}
    offset = offsets.get(_normalized(error.path)) if error.path else None
    return None if offset is None else location_at(text, offset)


def location_at(text: str, offset: int) -> TextLocation:
    """Return the line and column of an offset."""
    before = text[:offset]
    return TextLocation(before.count("\n"), offset - before.rfind("\n") - 1)


def _normalized(path: str) -> str:
    """Return a path with dots only: without the schema, JSON does not show whether a name is a field or a map key."""
    return path.replace("[", ".").replace("]", "").strip(".")


def _paths(text: str, start: int) -> Iterator[tuple[str, int]]:
    """Yield the path and the offset of each key and list element of the message that begins at `start`."""
    levels: list[_Level] = []
    path = ""
    for token in _TOKEN.finditer(text, start):
        symbol, level = token[0], levels[-1] if levels else None
        if symbol in "{[":
            path = path if level is None else level.value_path(path)
            levels.append(_Level(path, is_list=symbol == "["))
        elif level is None:
            return
        elif symbol in "}]":
            path = levels.pop().path
        elif symbol in ",:":
            level.index += symbol == ","
            level.awaits_key = symbol == ","
        elif level.is_list or level.awaits_key:
            path = level.value_path(path) if level.is_list else f"{level.path}.{symbol.strip(chr(34))}"
            yield path, token.start()


@dataclass(slots=True)
class _Level:
    """An object or list that is not closed yet."""

    path: str
    is_list: bool
    index: int = 0
    awaits_key: bool = True

    def value_path(self, key_path: str) -> str:
        """Return the path of the value that begins here: by its index in a list, or else that of its key."""
        return f"{self.path}.{self.index}" if self.is_list else key_path


class LiteralArea(TextArea):
    """A text area whose text may come from the wire: control characters are drawn as printable ones."""

    def get_line(self, line_index: int) -> Text:
        """Return a line without control characters."""
        line = super().get_line(line_index)
        if not line.plain.isprintable():
            line.plain = "".join(char if char.isprintable() or char == "\t" else clean(char)[0] for char in line.plain)
        return line


_THEME: Final = "inspector"
_COLOURED_TOKEN: Final = re.compile(
    r'(?P<string>"(?:\\.|[^"\\])*"?)(?P<colon>\s*:)?|(?P<word>\b(?:true|false|null)\b)|-?\b\d[\d.eE+-]*'
)
"""A JSON string never spans lines, so each line can be coloured by itself. Textual's highlighting is not used: it needs
tree-sitter, a native library that crashes the program if its version does not fit that of the grammar."""
_BRACKETS: Final = ("{}", "[]", '""')
_MAX_COMPLETED: Final = 100_000
"""Characters up to which names are completed, as the whole text is parsed at each key."""


class Candidates(OptionList, can_focus=False):
    """The names and values that can be inserted, in a list below the cursor."""

    def __init__(self) -> None:
        super().__init__(id="candidates", markup=False, compact=True)
        self.display = False


class JsonArea(LiteralArea):
    """The editor."""

    def __init__(self, text: str, method: Method, catalog: Catalog, candidates: Candidates) -> None:
        super().__init__("\n".join(text.splitlines()), id="json", tab_behavior="focus", show_line_numbers=True)
        self._method, self._catalog = method, catalog
        self._list = candidates
        self._completion: Completion | None = None

    def on_mount(self) -> None:
        """Use the colours of messages."""
        self.register_theme(_theme(Palette.of_app(self.app)))
        self.theme = _THEME

    def get_line(self, line_index: int) -> Text:
        """Return a line in colours."""
        line = super().get_line(line_index)
        palette = Palette.of_app(self.app)
        for token in _COLOURED_TOKEN.finditer(line.plain):
            end = token.end("string") if token["string"] else token.end()
            line.stylize(palette.of(_tone(token)), token.start(), end)
        return line

    def point_at(self, location: TextLocation) -> None:
        """Move the cursor to a location, and focus the editor."""
        line = min(location.line, self.document.line_count - 1)
        self.move_cursor((line, min(location.column, len(self.document.get_line(line)))), center=True)
        self.focus()

    def offer(self) -> None:
        """Show the names and values that can be inserted at the cursor."""
        if len(self.text) > _MAX_COMPLETED:
            return
        completion = complete(self.text, self._cursor_index(), self._method, self._catalog)
        typed = self.text[completion.start : completion.end]
        candidates = [found for found in completion.candidates if found.insert.rstrip(": ") != typed]
        self._completion = Completion(completion.start, completion.end, tuple(candidates)) if candidates else None
        self._list.clear_options()
        self._list.add_options(
            Option(Content.assemble(clean(found.label), "  ", (clean(found.detail), "$tone-dim")))
            for found in candidates
        )
        self._list.highlighted = 0 if candidates else None
        self._list.absolute_offset = self.cursor_screen_offset + Offset(0, 1)
        self._list.display = bool(candidates)

    def accept(self) -> None:
        """Replace what was typed with the highlighted candidate, and move the cursor into its brackets or quotes."""
        completion, highlighted = self._completion, self._list.highlighted
        self.dismiss()
        if completion is None or highlighted is None:
            return
        insert = completion.candidates[highlighted].insert
        before = self.text[: completion.start]
        self.replace(insert, location_at(before, completion.start), location_at(self.text, completion.end))
        is_inside = insert.endswith(_BRACKETS)
        end = completion.start + len(insert) - is_inside
        self.move_cursor(location_at(before + insert, end))

    def dismiss(self) -> bool:
        """Hide the candidates; return False if there were none."""
        was_shown, self._list.display, self._completion = self._list.display, False, None
        return was_shown

    async def _on_key(self, event: events.Key) -> None:
        if self._list.display and self._handle_key(event.key):
            event.stop()
            event.prevent_default()
            return
        await super()._on_key(event)
        event.prevent_default()
        if event.is_printable and event.character and not event.character.isspace():
            self.offer()
        elif self._list.display and event.key in ("backspace", "delete"):
            self.call_after_refresh(self.offer)
        else:
            self.dismiss()

    def _handle_key(self, key: str) -> bool:
        """Handle a key while candidates are shown; return False for keys that are for the text."""
        match key:
            case "tab":
                self.accept()
            case "down":
                self._list.action_cursor_down()
            case "up":
                self._list.action_cursor_up()
            case "escape":
                self.dismiss()
            case _:
                return False
        return True

    def _on_blur(self, event: events.Blur) -> None:
        super()._on_blur(event)
        self.dismiss()

    def _cursor_index(self) -> int:
        line, column = self.cursor_location
        return sum(len(text) + 1 for text in self.document.lines[:line]) + column


def _theme(palette: Palette) -> TextAreaTheme:
    return TextAreaTheme(
        name=_THEME,
        cursor_line_style=palette.background("row-selected-blurred"),
        gutter_style=palette.of(Tone.DIM),
        cursor_line_gutter_style=palette.of(Tone.PLAIN),
    )


def _tone(token: re.Match[str]) -> Tone:
    if token["string"]:
        return Tone.KEY if token["colon"] is not None else Tone.STRING
    return Tone.KEYWORD if token["word"] else Tone.NUMBER
