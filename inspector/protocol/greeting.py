"""How the two sides of a connection greet each other: what each begins with, and whether the other speaks the same.

HTTP/2 begins with the client's preface and the server's SETTINGS (RFC 9113 §3.4); TLS, HTTP/1 and silence are what
comes when one side was told the wrong thing about the other. Says so only of connections whose beginning was captured.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final, NamedTuple

from inspector.model.connection import Connection, Ending
from inspector.model.endpoint import Endpoint
from inspector.model.frame import Packet, TcpEvent
from inspector.model.speech import Protocol, Speech
from inspector.model.why import Cause, Why

PREFACE: Final = Speech(Protocol.HTTP2, "preface")
_NEITHER: Final = "so does a port that expects {}, and one with nothing behind it"


class _Said(NamedTuple):
    speech: Speech | None
    """None for bytes that are nothing known."""
    packet: int


class Greeting:
    """What was said so far; at most one thing for each side."""

    __slots__ = ("_said",)

    def __init__(self) -> None:
        self._said: dict[Endpoint, _Said] = {}

    def hear(self, packet: Packet, source: Endpoint) -> None:
        """A packet of this connection; only what a side says first counts."""
        if not (packet.payload or packet.frames) or (source in self._said and self._said[source].speech is not None):
            return
        self._said[source] = _Said(_speech(packet), packet.number)

    def is_odd(self, packet: Packet, source: Endpoint) -> bool:
        """True when this packet shows that the two do not speak the same, though tshark shows no HTTP/2 at all."""
        said = [each.speech for each in self._said.values()]
        if PREFACE in said:
            return True
        hello = next(
            (end for end, each in self._said.items() if each.speech and each.speech.words == "ClientHello"), None
        )
        if hello is None or source == hello:
            return False
        answer = self._said.get(source)
        if answer is not None:
            return answer.speech is not None and answer.speech.protocol is not Protocol.TLS
        return bool(packet.tcp & (TcpEvent.FIN | TcpEvent.RST))

    def is_sealed(self) -> bool:
        """True when both sides speak TLS."""
        said = [each.speech for each in self._said.values()]
        return len(said) > 1 and all(speech is not None and speech.protocol is Protocol.TLS for speech in said)

    def is_mutual(self) -> bool:
        """True when both sides speak HTTP/2."""
        said = [each.speech for each in self._said.values()]
        return len(said) > 1 and all(speech is not None and speech.protocol is Protocol.HTTP2 for speech in said)

    def judge(
        self, connection: Connection, tls_servers: Container[Endpoint], plain_servers: Container[Endpoint] = ()
    ) -> Why | None:
        """Why the connection comes to nothing; None while that is not certain.

        `tls_servers` answered in TLS before, `plain_servers` spoke HTTP/2 in cleartext.
        """
        asked, answered = self._said.get(connection.client), self._said.get(connection.server)
        if asked is None or asked.speech is None or asked.speech.words not in ("preface", "ClientHello"):
            return None
        if answered is not None and answered.speech is not None:
            return _mismatch(asked.speech, answered.speech, asked.packet, answered.packet)
        if not connection.endings:
            return None
        ending = connection.endings[0]
        if answered is not None:
            sentence = (
                f"The server does not speak HTTP/2: it answered the client's {_name(asked.speech)} (packet "
                f"{asked.packet}) with bytes that are no frame of it (packet {answered.packet})."
            )
            return Why(Cause.NOT_HTTP2, sentence, (asked.packet, answered.packet))
        before = connection.server in tls_servers, connection.server in plain_servers
        return _silence(connection, asked.speech, asked.packet, ending, before)


def _speech(packet: Packet) -> Speech | None:
    if packet.tcp & TcpEvent.PREFACE:
        return PREFACE
    return Speech(Protocol.HTTP2, packet.frames[0].type_name) if packet.frames else packet.speech


def _name(asked: Speech) -> str:
    return "preface" if asked == PREFACE else f"TLS {asked.words}"


def _mismatch(asked: Speech, answered: Speech, first: int, second: int) -> Why | None:
    packets = (min(first, second), max(first, second))
    if asked.protocol is answered.protocol:
        return None
    if answered.protocol is Protocol.HTTP1:
        sentence = (
            f"The server answered the client's {_name(asked)} (packet {first}) in HTTP/1: "
            f"“{answered.words}” (packet {second})."
        )
        return Why(Cause.NOT_HTTP2, sentence, packets)
    if answered.protocol is Protocol.TLS:
        sentence = (
            f"The client spoke cleartext to a port that speaks TLS: its HTTP/2 preface (packet {first}) was answered "
            f"by the TLS {answered.words} (packet {second})."
        )
        return Why(Cause.PLAINTEXT_TO_TLS, sentence, packets)
    sentence = (
        f"The client spoke TLS to a port that speaks cleartext HTTP/2: it sent a ClientHello (packet {first}), and the "
        f"server {answered.words} (packet {second})."
    )
    return Why(Cause.TLS_TO_PLAINTEXT, sentence, packets)


def _silence(connection: Connection, asked: Speech, first: int, ending: Ending, before: tuple[bool, bool]) -> Why:
    """Of a server that closed without a word; `before` says whether it spoke TLS, and HTTP/2, with others."""
    speaks_tls, speaks_plainly = before
    packets, how = (first, ending.packet), "RST" if ending.is_reset else "FIN"
    name, is_plain = _name(asked), asked == PREFACE
    if ending.source != connection.server:
        sentence = (
            f"The server said nothing to the client's {name} (packet {first}), and the client closed the connection "
            f"({how}, packet {ending.packet})."
        )
        return Why(Cause.CONNECTION_LOST, sentence, packets)
    closed = f"the server said nothing and closed the connection ({how}, packet {ending.packet})"
    if is_plain and speaks_tls:
        sentence = (
            f"The client spoke cleartext to a port that speaks TLS: to its HTTP/2 preface (packet {first}) {closed}; "
            "other connections got TLS from it."
        )
        return Why(Cause.PLAINTEXT_TO_TLS, sentence, packets)
    if is_plain and speaks_plainly:
        sentence = f"To the client's {name} (packet {first}) {closed}; on other connections it spoke HTTP/2."
        return Why(Cause.CONNECTION_LOST, sentence, packets)
    likely = _NEITHER.format("TLS" if is_plain else "cleartext")
    return Why(Cause.CONNECTION_LOST, f"To the client's {name} (packet {first}) {closed}: {likely}.", packets)
