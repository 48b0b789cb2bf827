"""A text area for JSON: colours, completion, and the place of an error."""

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


class Spot(NamedTuple):
    """A place in a text, both counted from 0."""

    line: int
    column: int


def find_spot(error: RequestError, text: str, start: int = 0) -> Spot | None:
    """Where in a text an error about the message that begins at `start` is; None where it gives no place."""
    if error.place is not None:
        line, column = error.place
        first = spot_at(text, start)
        return Spot(first.line + line - 1, column - 1 + (first.column if line == 1 else 0))
    known = {_plain(path): at for path, at in _paths(text, start)}
    at = known.get(_plain(error.path)) if error.path else None
    return None if at is None else spot_at(text, at)


def spot_at(text: str, at: int) -> Spot:
    """The line and column of an offset."""
    before = text[:at]
    return Spot(before.count("\n"), at - before.rfind("\n") - 1)


def _plain(path: str) -> str:
    """A path in one way of writing: whether a name is a field or the key of a map, the text does not tell."""
    return path.replace("[", ".").replace("]", "").strip(".")


def _paths(text: str, start: int) -> Iterator[tuple[str, int]]:
    """Every key and element with its path, and where it stands."""
    levels: list[_Level] = []
    path = ""
    for token in _TOKEN.finditer(text, start):
        word, level = token[0], levels[-1] if levels else None
        if word in "{[":
            path = path if level is None else level.element(path)
            levels.append(_Level(path, is_list=word == "["))
        elif level is None:
            return
        elif word in "}]":
            path = levels.pop().path
        elif word in ",:":
            level.go_on(word)
        elif level.is_list or level.awaits_key:
            path = level.element(path) if level.is_list else f"{level.path}.{word.strip(chr(34))}"
            yield path, token.start()


@dataclass(slots=True)
class _Level:
    """An object or a list that is open."""

    path: str
    is_list: bool
    index: int = 0
    awaits_key: bool = True

    def element(self, path: str) -> str:
        """The path of a value that begins now: that of its key, or in a list that of its index."""
        return f"{self.path}.{self.index}" if self.is_list else path

    def go_on(self, mark: str) -> None:
        """Behind a comma comes a key or the next element, behind a colon a value."""
        self.index += mark == ","
        self.awaits_key = mark == ","


class LiteralArea(TextArea):
    """Several lines of text that may come from the wire."""

    def get_line(self, line_index: int) -> Text:
        """A line as it is shown."""
        line = super().get_line(line_index)
        if not line.plain.isprintable():
            line.plain = "".join(each if each.isprintable() or each == "\t" else clean(each)[0] for each in line.plain)
        return line


_THEME: Final = "inspector"
_COLOURED: Final = re.compile(
    r'(?P<string>"(?:\\.|[^"\\])*"?)(?P<colon>\s*:)?|(?P<word>\b(?:true|false|null)\b)|-?\b\d[\d.eE+-]*'
)
"""No JSON string goes over the end of a line, so a line is enough to tell. Textual's own colours come from a native
parser, whose versions do not always fit together: then the whole program crashes."""
_CLOSERS: Final = ("{}", "[]", '""')
_LARGEST_COMPLETED: Final = 100_000
"""Characters; the whole text is read at every key."""


class Candidates(OptionList, can_focus=False):
    """What may stand at the cursor, in a list below it."""

    def __init__(self) -> None:
        super().__init__(id="candidates", markup=False, compact=True)
        self.display = False


class JsonArea(LiteralArea):
    """The editor of a message."""

    def __init__(self, text: str, method: Method, catalog: Catalog, candidates: Candidates) -> None:
        super().__init__("\n".join(text.splitlines()), id="json", tab_behavior="focus", show_line_numbers=True)
        self._method, self._catalog = method, catalog
        self._list = candidates
        self._completion: Completion | None = None

    def on_mount(self) -> None:
        """The colours are those of messages elsewhere."""
        self.register_theme(_theme(Palette.of_app(self.app)))
        self.theme = _THEME

    def get_line(self, line_index: int) -> Text:
        """A line in its colours."""
        line = super().get_line(line_index)
        palette = Palette.of_app(self.app)
        for token in _COLOURED.finditer(line.plain):
            end = token.end("string") if token["string"] else token.end()
            line.stylize(palette.of(_tone(token)), token.start(), end)
        return line

    def point_at(self, spot: Spot) -> None:
        """Put the cursor where something is wrong."""
        line = min(spot.line, self.document.line_count - 1)
        self.move_cursor((line, min(spot.column, len(self.document.get_line(line)))), center=True)
        self.focus()

    def offer(self) -> None:
        """Show what may stand at the cursor."""
        if len(self.text) > _LARGEST_COMPLETED:
            return
        completion = complete(self.text, self._index(), self._method, self._catalog)
        typed = self.text[completion.start : completion.end]
        found = [each for each in completion.candidates if each.insert.rstrip(": ") != typed]
        self._completion = Completion(completion.start, completion.end, tuple(found)) if found else None
        self._list.clear_options()
        self._list.add_options(
            Option(Content.assemble(clean(each.label), "  ", (clean(each.detail), "$tone-dim"))) for each in found
        )
        self._list.highlighted = 0 if found else None
        self._list.absolute_offset = self.cursor_screen_offset + Offset(0, 1)
        self._list.display = bool(found)

    def accept(self) -> None:
        """Put the candidate that is marked in the place of what was typed."""
        completion, at = self._completion, self._list.highlighted
        self.dismiss()
        if completion is None or at is None:
            return
        insert = completion.candidates[at].insert
        before = self.text[: completion.start]
        self.replace(insert, spot_at(before, completion.start), spot_at(self.text, completion.end))
        closes = insert.endswith(_CLOSERS)
        end = completion.start + len(insert) - closes
        self.move_cursor(spot_at(before + insert, end))

    def dismiss(self) -> bool:
        """Away with the candidates; False when there were none."""
        was_shown, self._list.display, self._completion = self._list.display, False, None
        return was_shown

    async def _on_key(self, event: events.Key) -> None:
        if self._list.display and self._is_for_list(event.key):
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

    def _is_for_list(self, key: str) -> bool:
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

    def _index(self) -> int:
        line, column = self.cursor_location
        return sum(len(each) + 1 for each in self.document.lines[:line]) + column


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
