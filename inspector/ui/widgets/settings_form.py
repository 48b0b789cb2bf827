"""The form of a call's settings: metadata, deadline, authority, limits, compression, waiting.

It converts between settings and the text of fields, and rejects invalid text with the focus on its field.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Checkbox, Input, Static, TextArea

from inspector.client.options import DEADLINE, Metadata, check_metadata, parse_metadata
from inspector.errors import InspectorError, RequestError
from inspector.model.call import CallKind
from inspector.ui.draft import CallSettings, is_blank, metadata_lines
from inspector.ui.widgets.json_area import LiteralArea

_NO_DEADLINE: Final = "none"
_UNITS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_MAX_MESSAGE: Final = (1 << 31) - 1
"""In bytes; the channel option of gRPC is an int32."""
_MAX_SECONDS: Final = 1e6
_T = TypeVar("_T")


class SettingsForm(Vertical):
    """The form."""

    def __init__(self, settings: CallSettings, kind: CallKind) -> None:
        super().__init__(id="settings")
        self._settings = settings
        self._default_deadline = f"{DEADLINE:.0f} s" if kind is CallKind.UNARY else _NO_DEADLINE

    def compose(self) -> ComposeResult:
        """Lay out metadata above the other fields, which take a line each."""
        settings = self._settings
        deadline = (
            _NO_DEADLINE if settings.is_endless else "" if settings.deadline is None else f"{settings.deadline:.9g}"
        )
        largest = "" if settings.largest_message is None else f"{settings.largest_message}"
        keepalive = "" if settings.keepalive is None else f"{settings.keepalive:.9g}"
        area = LiteralArea(metadata_lines(settings.metadata), id="metadata", placeholder="name: value, one a line")
        area.border_title = "Metadata"
        yield area
        yield from _field("Deadline", Input(deadline, self._default_deadline, id="deadline", compact=True))
        yield from _field("Authority", Input(settings.authority or "", "host:port", id="authority", compact=True))
        yield from _field("Largest reply", Input(largest, "64M", id="largest", compact=True))
        yield from _field("PING every", Input(keepalive, "never", id="keepalive", compact=True))
        yield Checkbox("gzip", settings.is_compressed, id="gzip", compact=True)
        yield Checkbox("wait for ready", settings.waits_for_ready, id="wait", compact=True)

    def settings(self) -> CallSettings:
        """Return the settings; raise RequestError, with the focus on the field, for invalid text."""
        deadline = self._text("deadline").lower()
        metadata = self._read(self.query_one("#metadata", TextArea), _metadata)
        blank = {name for name, value in metadata if name in self._settings.masked and is_blank(name, value)}
        return CallSettings(
            metadata=metadata,
            deadline=None if deadline in ("", _NO_DEADLINE) else self._read(self._input("deadline"), _deadline),
            is_endless=deadline == _NO_DEADLINE,
            authority=self._read(self._input("authority"), _authority),
            largest_message=self._read(self._input("largest"), _bytes) if self._text("largest") else None,
            is_compressed=self.query_one("#gzip", Checkbox).value,
            waits_for_ready=self.query_one("#wait", Checkbox).value,
            keepalive=self._read(self._input("keepalive"), _keepalive) if self._text("keepalive") else None,
            masked=tuple(name for name in self._settings.masked if name in blank),
        )

    def complete_settings(self) -> CallSettings:
        """Return the settings; raise RequestError also for a value that the history has masked, until it is typed."""
        settings = self.settings()
        if settings.masked:
            self.enter_masked(settings.masked)
            raise RequestError(masked_words(settings.masked), "Without its line, the call is sent without it.")
        return settings

    def enter_masked(self, names: Sequence[str]) -> None:
        """Focus the metadata, with the cursor at the first blank value of these names."""
        area = self.query_one("#metadata", TextArea)
        rows = [
            row for row, line in enumerate(area.text.split("\n")) if line.partition(":")[0].strip().lower() in names
        ]
        blank = (row for row in rows if _is_blank_line(area.document.get_line(row)))
        row = next(blank, 0)
        area.focus()
        area.move_cursor((row, len(area.document.get_line(row))))

    def _input(self, name: str) -> Input:
        return self.query_one(f"#{name}", Input)

    def _text(self, name: str) -> str:
        return self._input(name).value.strip()

    def _read(self, widget: Input | TextArea, read: Callable[[str], _T]) -> _T:
        try:
            return read(widget.value.strip() if isinstance(widget, Input) else widget.text)
        except InspectorError as error:
            widget.focus()
            raise RequestError(error.message, error.hint) from error


def masked_words(names: Sequence[str]) -> str:
    """Return the sentence that asks for values that the history has masked."""
    is_one = len(names) == 1
    return (
        f"{', '.join(names)} {'is' if is_one else 'are'} masked in the history: type the value{'' if is_one else 's'}."
    )


def _is_blank_line(line: str) -> bool:
    name, _, value = line.partition(":")
    return is_blank(name.strip().lower(), value)


def _field(label: str, field: Widget) -> ComposeResult:
    with Horizontal(classes="field"):
        yield Static(Content(label), classes="label")
        yield field


def _metadata(text: str) -> Metadata:
    return check_metadata(parse_metadata(line for line in text.splitlines() if line.strip()))


def _authority(text: str) -> str | None:
    if any(not "!" <= char <= "~" for char in text):
        raise RequestError(f"{text!r} cannot be an authority.", "As in localhost:50051, or a name.")
    return text or None


def _deadline(text: str) -> float:
    return _seconds(text, "a deadline", "It is a number of seconds, as in 2.5, or none.")


def _keepalive(text: str) -> float:
    return _seconds(text, "a time between PINGs", "It is a number of seconds, as in 30.")


def _seconds(text: str, what: str, hint: str) -> float:
    try:
        seconds = float(text.removesuffix("s"))
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < _MAX_SECONDS:
        raise RequestError(f"{text!r} is not {what}.", hint)
    return seconds


def _bytes(text: str) -> int:
    number, unit = (text[:-1], text[-1:].upper()) if text[-1:].isalpha() else (text, "")
    if not (number.isascii() and number.isdigit() and len(number) < 12 and unit in _UNITS and int(number)):
        raise RequestError(f"{text!r} is not a size.", "It is a number of bytes, as in 1000000 or 64M.")
    return min(int(number) * _UNITS[unit], _MAX_MESSAGE)
