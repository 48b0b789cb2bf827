"""What can be done where the capture does not tell all: name a method by hand, decode other ports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from inspector.capture.ports import Opening
from inspector.capture.tshark import Decoding
from inspector.model.call import Call, MethodSource
from inspector.ui.messages import SessionReplaced
from inspector.ui.screens.choice import Choice, ChoiceDialog, Chosen
from inspector.ui.screens.schema_actions import SchemaActions
from inspector.views.naming import naming
from inspector.views.text import clean, counted

_UNNAME: Final = ""
"""Stands for taking a name back; no path is empty."""
_TLS, _OFF = "f7", "f8"
_PORTS_OFFERED: Final = 200


class _OpenChoice(ChoiceDialog):
    """A list of which something else may be typed, too."""

    def __init__(
        self,
        title: str,
        choices: Sequence[Choice],
        note: str,
        typed: Callable[[str], Choice | None],
        keys: Sequence[str] = (),
    ) -> None:
        """`typed` makes a choice of what was typed; None where it can be none."""
        super().__init__(title, choices, note, keys)
        self._typed = typed

    def found(self, wanted: str) -> list[Choice]:
        """What fits to what was typed, and that itself."""
        found, typed = super().found(wanted), self._typed(wanted) if wanted.strip() else None
        is_new = typed is not None and all(choice.value != typed.value for choice in found)
        return [*found, typed] if typed is not None and is_new else found


class CertaintyActions(SchemaActions):
    """The part of the inspection screen that puts right what the capture cannot tell."""

    def _action_name_method(self) -> None:
        call = self.selected_call
        if call is None:
            self.say("Select a call, or a frame of one, to name its method.")
        elif call.method_source in (MethodSource.WIRE, MethodSource.RECOVERED):
            self.say(f"Its method was read on the wire: {call.method}")
        else:
            shared = f", and {counted(len(call.sharing) - 1, 'other')}" if len(call.sharing) > 1 else ""
            dialog = _OpenChoice(
                f"Name the method of call {call.key}{shared}",
                self._methods(call),
                "Enter takes it, or what is typed · Esc cancels",
                lambda typed: Choice(_path(typed), _path(typed), "as typed"),
            )
            self.app.push_screen(dialog, lambda chosen: self._take_name(call, chosen))

    def _take_name(self, call: Call, chosen: Chosen | None) -> None:
        if chosen is not None:
            self.session.name_method(call.key, chosen.value or None)

    def _methods(self, call: Call) -> list[Choice]:
        """What the messages fit first, then all other methods of the schema."""
        known = naming(call, self.launch.catalog)
        fitting = known.candidates or ((known.method,) if known.method and known.method != call.method else ())
        others = [path for path in self.launch.catalog.methods if path not in fitting]
        taken_back = [Choice(_UNNAME, "take the name back", f"{call.method} is a guess")] if call.method else []
        return [
            *taken_back,
            *(Choice(path, path, "fits its messages") for path in fitting),
            *(Choice(path, path, "of the schema") for path in others),
        ]

    def _action_decode_as(self) -> None:
        dialog = _OpenChoice(
            "Decode As…",
            self._ports(),
            "Enter: HTTP/2 · F7: TLS · F8: not at all · a port may be typed · Esc cancels",
            lambda typed: Choice(int(typed), typed, "as typed") if _is_port(typed) else None,
            (_TLS, _OFF),
        )
        self.app.push_screen(dialog, self._decode_as)

    def _ports(self) -> list[Choice]:
        decoding, packets = self.session.decoding, self.session.packets_by_port
        ports = sorted(
            packets.keys() | decoding.all_ports, key=lambda port: (port not in decoding.all_ports, -packets[port])
        )
        return [
            Choice(port, str(port), f"{counted(packets[port], 'packet'):>16}   {_decoded_as(decoding, port)}")
            for port in ports[:_PORTS_OFFERED]
        ]

    def _decode_as(self, chosen: Chosen | None) -> None:
        if chosen is None:
            return
        decoding = self.session.decoding.without(chosen.value)
        if chosen.key == _TLS:
            decoding = decoding.with_opening(Opening(chosen.value, is_tls=True))
        elif chosen.key != _OFF:
            decoding = decoding.with_opening(Opening(chosen.value, is_tls=False))
        if decoding == self.session.decoding:
            self.say(f"Port {chosen.value} is decoded so already.")
        elif self.session.can_begin_again:
            self.post_message(SessionReplaced(self.session.begin_again(decoding)))
        else:
            self.say("The capture is still starting.")


def _path(typed: str) -> str:
    return typed.strip() if typed.strip().startswith("/") else f"/{clean(typed.strip())}"


def _is_port(typed: str) -> bool:
    return typed.isascii() and typed.isdigit() and 0 < int(typed[:6]) < 1 << 16


def _decoded_as(decoding: Decoding, port: int) -> str:
    if port in decoding.tls_ports:
        return "TLS"
    if port in decoding.http_ports:
        return "HTTP/1.1, HTTP/2 behind"
    return "HTTP/2" if port in decoding.ports else ""
