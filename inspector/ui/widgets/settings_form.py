"""The form of a call's settings: metadata, deadline, authority, limits, compression, waiting.

It converts between settings and the text of fields, and rejects invalid text with the focus on its field.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Checkbox, Input, Static, TextArea

from inspector.client.options import (
    DEADLINE,
    CallSettings,
    ConnectionOptions,
    Metadata,
    check_metadata,
    parse_metadata,
    settings_of,
)
from inspector.errors import InspectorError, RequestError
from inspector.model.call import CallKind
from inspector.ui.draft import is_blank, metadata_lines
from inspector.ui.widgets.json_area import LiteralArea

_CALL: Final = {name: setting for name, setting in settings_of(CallSettings).items() if setting.label}
_CONNECTION: Final = {name: setting for name, setting in settings_of(ConnectionOptions).items() if setting.label}
_FIELDS: Final = {**_CALL, **_CONNECTION}
"""The settings in the form by name, which is also the id of the widget."""
_T = TypeVar("_T")


class SettingsForm(Vertical):
    """The form."""

    def __init__(self, settings: CallSettings, kind: CallKind) -> None:
        super().__init__(id="settings")
        self._settings = settings
        self._default_deadline = f"{DEADLINE:.0f} s" if kind is CallKind.UNARY else "none"

    def compose(self) -> ComposeResult:
        """Lay out metadata above the other fields, which take a line each, and the switches last."""
        area = LiteralArea(
            metadata_lines(self._settings.metadata), id="metadata", placeholder="name: value, one a line"
        )
        area.border_title = "Metadata"
        yield area
        for name, setting in _FIELDS.items():
            if not setting.is_switch:
                text, placeholder = setting.text(self._value(name)), setting.placeholder or self._default_deadline
                yield from _field(setting.label, Input(text, placeholder, id=name, compact=True))
        for name, setting in _FIELDS.items():
            if setting.is_switch:
                yield Checkbox(setting.label, self._value(name), id=name, compact=True)

    def settings(self) -> CallSettings:
        """Return the settings; raise RequestError, with the focus on the field, for invalid text."""
        metadata = self._read(self.query_one("#metadata", TextArea), _metadata)
        blank = {name for name, value in metadata if name in self._settings.masked and is_blank(name, value)}
        return CallSettings(
            metadata,
            **{name: self._entered(name) for name in _CALL},
            connection=ConnectionOptions(**{name: self._entered(name) for name in _CONNECTION}),
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

    def _value(self, name: str) -> Any:
        """Return the value of a setting as the form began with it."""
        return getattr(self._settings if name in _CALL else self._settings.connection, name)

    def _entered(self, name: str) -> Any:
        """Return the value of a setting as it is filled in; None for an empty field."""
        if _FIELDS[name].is_switch:
            return self.query_one(f"#{name}", Checkbox).value
        widget = self.query_one(f"#{name}", Input)
        return self._read(widget, _FIELDS[name].parse) if widget.value.strip() else None

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
