"""Screens of the app as plain text, compared with files that are kept beside the tests.

A picture has the characters of the screen, line by line, and below them the styles: for each line the columns with a
style of their own, and that style, with colours by their names in the theme. What differs between machines and runs,
such as the time in a proposed file name, is replaced by a placeholder of the same width.
"""

from __future__ import annotations

import difflib
import io
import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.text import Text
from textual.geometry import Region
from textual.widgets import Input, TextArea

from tests.ui_running import Running

FOLDER: Final = Path(__file__).parent / "ui" / "__snapshots__"
SECONDS_TO_SETTLE: Final = 10.0
"""Until a picture that differs is a failure: trees and reports arrive from tshark and from threads."""
SECONDS_WITHOUT_CHANGE: Final = 0.6
"""After which a picture that is taken for the first time is complete."""

_MASKS: Final = (
    (re.compile(r"\d{8}-\d{6}"), "YYYYMMDD-HHMMSS"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?"), "YYYY-MM-DD hh:mm:ss"),
)
_RULE: Final = "─" * 8
_ATTRIBUTES: Final = ("bold", "dim", "italic", "underline", "reverse", "strike")


def picture(run: Running, masked: Iterable[Region] = ()) -> str:
    """Return the topmost screen as text; regions that are `masked` are filled with dots."""
    lines = _lines(run)
    characters = [_mask(line.plain, y, masked) for y, line in enumerate(lines)]
    names = _colour_names(run.app.theme_variables)
    styles = [f"{y + 1:>2}: {row}" for y, line in enumerate(lines) if (row := _styles(line, y, names, masked))]
    return "\n".join([*(line.rstrip() for line in characters), f"{_RULE} styles", *styles, ""])


def _lines(run: Running) -> list[Text]:
    app = run.app
    width, height = app.size
    console = Console(
        file=io.StringIO(), width=width, height=height, force_terminal=True, color_system="truecolor", record=True
    )
    # As App.export_screenshot does it.
    console.print(app.screen._compositor.render_update(full=True, screen_stack=app._background_screens, simplify=True))
    return list(Text.from_ansi(console.export_text(styles=True), no_wrap=True).split())[:height]


def _mask(line: str, y: int, masked: Iterable[Region]) -> str:
    for pattern, placeholder in _MASKS:
        line = pattern.sub(lambda found, text=placeholder: text[: len(found[0])], line)  # type: ignore[misc]
    for region in masked:
        if region.y <= y < region.bottom:
            line = f"{line[: region.x]}{'·' * region.width}{line[region.right :]}"
    return line


def _styles(line: Text, y: int, names: Mapping[str, str], masked: Iterable[Region]) -> str:
    """Return `from-to style` for each run of characters whose style is not that of plain text."""
    runs: list[tuple[int, int, str]] = []
    for span in sorted(line.spans):
        if any(region.contains(span.start, y) for region in masked):
            continue
        style = span.style if isinstance(span.style, Style) else Style.parse(span.style)
        described = _describe(style, names, is_blank=line.plain[span.start : span.end].isspace())
        if runs and runs[-1][1:] == (span.start, described):
            runs[-1] = (runs[-1][0], span.end, described)
        else:
            runs.append((span.start, span.end, described))
    return ", ".join(f"{start}-{end - 1} {described}" for start, end, described in runs if described)


def _describe(style: Style, names: Mapping[str, str], *, is_blank: bool) -> str:
    attributes = ("underline", "reverse", "strike") if is_blank else _ATTRIBUTES
    words = [name for name in attributes if getattr(style, name)]
    if style.color and not is_blank and (colour := _colour(style.color, names)) != "foreground":
        words.append(colour)
    if style.bgcolor and (ground := _colour(style.bgcolor, names)) != "background":
        words += ["on", ground]
    return " ".join(words)


def _colour(colour: Color, names: Mapping[str, str]) -> str:
    value = colour.get_truecolor().hex
    return names.get(value, value)


def _colour_names(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the names of the theme's colours by their values; of several, one of the app's own, or the shortest."""
    by_preference = sorted(variables, key=lambda name: (not name.startswith(("tone-", "row-")), len(name), name))
    return {variables[name].lower(): name for name in reversed(by_preference) if variables[name].startswith("#")}


def _hold_cursors(run: Running) -> None:
    """Keep the cursors of inputs from blinking."""
    for widget in run.app.screen.query("*"):
        if isinstance(widget, Input | TextArea):
            widget.cursor_blink = False
            widget.refresh()  # a cursor that was hidden at this moment is drawn again


async def check(run: Running, name: str, *, update: bool, masked: Iterable[Region] = ()) -> None:
    """Compare the screen with its file once it has settled, or write the file.

    Raises:
        AssertionError: the screen differs, with the difference line by line.
    """
    path = FOLDER / f"{name}.txt"
    _hold_cursors(run)
    if update:
        path.parent.mkdir(exist_ok=True)
        path.write_text(await _settled(run, masked))
        return
    assert path.exists(), f"There is no snapshot {name}; CONTRIBUTING.md says how to take it."
    expected = path.read_text()
    deadline = time.monotonic() + SECONDS_TO_SETTLE
    while (shown := picture(run, masked)) != expected and time.monotonic() < deadline:
        await run.pilot.pause(0.05)
    assert shown == expected, f"{name} differs:\n{_difference(expected, shown)}"


async def _settled(run: Running, masked: Iterable[Region]) -> str:
    shown, since = picture(run, masked), time.monotonic()
    while time.monotonic() < since + SECONDS_WITHOUT_CHANGE:
        await run.pilot.pause(0.05)
        if (after := picture(run, masked)) != shown:
            shown, since = after, time.monotonic()
    return shown


def _difference(expected: str, shown: str) -> str:
    lines = difflib.unified_diff(expected.splitlines(), shown.splitlines(), "snapshot", "screen", n=1, lineterm="")
    return "\n".join(lines)
