"""Decode As: reads the capture anew with a port as HTTP/2, as TLS, or not at all."""

from __future__ import annotations

from typing import Final

from inspector.capture.ports import Opening
from inspector.capture.tshark import Decoding
from inspector.session import Session
from inspector.ui.messages import SessionReplaced
from inspector.ui.parts.stage import Actions, Stage
from inspector.ui.screens.choice import Choice, Chosen
from inspector.ui.screens.typed_choice import TypedChoiceDialog
from inspector.views.text import counted

_TLS, _OFF = "f7", "f8"
_PORTS_OFFERED: Final = 200


class DecodeAs:
    """Asks for a port, and how it shall be decoded."""

    def __init__(self, stage: Stage, session: Session) -> None:
        self._stage, self._session = stage, session

    @property
    def actions(self) -> Actions:
        """Ask."""
        return {"decode_as": self._ask}

    def _ask(self) -> None:
        dialog = TypedChoiceDialog(
            "Decode As…",
            self._ports(),
            "Enter: HTTP/2 · F7: TLS · F8: not at all · a port may be typed · Esc cancels",
            lambda typed: Choice(int(typed), typed, "as typed") if _is_port(typed) else None,
            (_TLS, _OFF),
        )
        self._stage.ask(dialog, self._decode)

    def _ports(self) -> list[Choice]:
        decoding, packets = self._session.decoding, self._session.packets_by_port
        ports = sorted(
            packets.keys() | decoding.all_ports,
            key=lambda port: (port not in decoding.all_ports, -packets[port], port),  # of both ends, the service first
        )
        return [
            Choice(port, str(port), f"{counted(packets[port], 'packet'):>16}   {_decoded_as(decoding, port)}")
            for port in ports[:_PORTS_OFFERED]
        ]

    def _decode(self, chosen: Chosen) -> None:
        decoding = _changed(self._session.decoding, chosen)
        if decoding == self._session.decoding:
            self._stage.say(f"Port {chosen.value} is decoded so already.")
        elif self._session.can_begin_again:
            self._stage.post(SessionReplaced(self._session.begin_again(decoding)))
        else:
            self._stage.say("The capture is still starting.")


def _changed(decoding: Decoding, chosen: Chosen) -> Decoding:
    without = decoding.without(chosen.value)
    return without if chosen.key == _OFF else without.with_opening(Opening(chosen.value, is_tls=chosen.key == _TLS))


def _is_port(typed: str) -> bool:
    return typed.isascii() and typed.isdigit() and 0 < int(typed[:6]) < 1 << 16


def _decoded_as(decoding: Decoding, port: int) -> str:
    if port in decoding.tls_ports:
        return "TLS"
    if port in decoding.http_ports:
        return "HTTP/1.1, HTTP/2 behind"
    return "HTTP/2" if port in decoding.ports else ""
