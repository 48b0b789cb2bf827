"""How the two sides of a connection greet each other: what each begins with, and whether the other speaks the same.

HTTP/2 begins with the client's preface and the server's SETTINGS (RFC 9113 §3.4); TLS, HTTP/1 and silence are what
comes when one side was told the wrong thing about the other. Says so only of connections whose beginning was captured.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final, NamedTuple

from inspector.model.connection import Cause, Connection, ConnectionEnding, Diagnosis
from inspector.model.frame import DetectedProtocol, Endpoint, Packet, Protocol, TcpEvent

PREFACE: Final = DetectedProtocol(Protocol.HTTP2, "preface")
_USE_HTTP2: Final = (
    "gRPC needs HTTP/2 from the first byte on: a proxy must be told to speak it to its backend (`grpc_pass` in nginx), "
    "curl by --http2-prior-knowledge"
)
_NEITHER: Final = "so does a port that expects {}, and one with nothing behind it"


class _Said(NamedTuple):
    speech: DetectedProtocol | None
    """None for bytes that are nothing known."""
    packet: int


class Handshake:
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
        asker, asked = next(((end, each) for end, each in self._said.items() if _asks(each.speech)), (source, None))
        if asked is None or asked.speech is None or source == asker:
            return False
        answer = self._said.get(source)
        if answer is not None:
            return answer.speech is not None and _differ(asked.speech, answer.speech)
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
    ) -> Diagnosis | None:
        """Why the connection comes to nothing; None while that is not certain.

        `tls_servers` answered in TLS before, `plain_servers` spoke HTTP/2 in cleartext.
        """
        asked, answered = self._said.get(connection.client), self._said.get(connection.server)
        if asked is None or asked.speech is None or not (asked.speech == PREFACE or _asks(asked.speech)):
            return None
        if answered is not None and answered.speech is not None:
            return _mismatch(asked.speech, answered.speech, asked.packet, answered.packet)
        if not connection.endings:
            return None
        ending = connection.endings[0]
        if answered is not None and asked.speech.is_request:
            return None
        if answered is not None:
            sentence = (
                f"The server does not speak HTTP/2: it answered the client's {_name(asked.speech)} (packet "
                f"{asked.packet}) with bytes that are no frame of it (packet {answered.packet})."
            )
            return Diagnosis(Cause.NOT_HTTP2, sentence, (asked.packet, answered.packet))
        before = connection.server in tls_servers, connection.server in plain_servers
        return _silence(connection, asked.speech, asked.packet, ending, before)


def _speech(packet: Packet) -> DetectedProtocol | None:
    if packet.tcp & TcpEvent.PREFACE:
        return PREFACE
    return DetectedProtocol(Protocol.HTTP2, packet.frames[0].type_name) if packet.frames else packet.speech


def _asks(speech: DetectedProtocol | None) -> bool:
    """True for what a client begins with that does not speak HTTP/2 in cleartext."""
    return speech is not None and (speech.words == "ClientHello" or speech.is_request)


def _differ(asked: DetectedProtocol, answered: DetectedProtocol) -> bool:
    return asked.protocol is not answered.protocol or (asked.is_request and answered.refuses_version)


def _name(asked: DetectedProtocol) -> str:
    if asked.is_request:
        return "HTTP/1.1 request"
    return "preface" if asked == PREFACE else f"TLS {asked.words}"


def _mismatch(asked: DetectedProtocol, answered: DetectedProtocol, first: int, second: int) -> Diagnosis | None:
    packets = (min(first, second), max(first, second))
    if not _differ(asked, answered):
        return None
    if asked.is_request:
        return Diagnosis(Cause.NOT_HTTP2, f"{_met(asked, answered, first, second)}. {_USE_HTTP2}.", packets)
    if answered.protocol is Protocol.HTTP1:
        sentence = (
            f"The server answered the client's {_name(asked)} (packet {first}) in HTTP/1: "
            f"“{answered.words}” (packet {second})."
        )
        return Diagnosis(Cause.NOT_HTTP2, sentence, packets)
    if answered.protocol is Protocol.TLS:
        sentence = (
            f"The client spoke cleartext to a port that speaks TLS: its HTTP/2 preface (packet {first}) was answered "
            f"by the TLS {answered.words} (packet {second})."
        )
        return Diagnosis(Cause.PLAINTEXT_TO_TLS, sentence, packets)
    sentence = (
        f"The client spoke TLS to a port that speaks cleartext HTTP/2: it sent a ClientHello (packet {first}), and the "
        f"server {answered.words} (packet {second})."
    )
    return Diagnosis(Cause.TLS_TO_PLAINTEXT, sentence, packets)


def _met(asked: DetectedProtocol, answered: DetectedProtocol, first: int, second: int) -> str:
    """What became of a request of HTTP/1; servers of HTTP/2 may have spoken before it came."""
    request = f"“{asked.words}” (packet {first})"
    if answered.protocol is Protocol.HTTP1:
        return f"The client speaks HTTP/1.1, and the server refused {request}: “{answered.words}” (packet {second})"
    other = f"{answered.protocol}: its {request} met the server's {answered.words} (packet {second})"
    return f"The client speaks HTTP/1.1, and the port {other}"


def _silence(
    connection: Connection, asked: DetectedProtocol, first: int, ending: ConnectionEnding, before: tuple[bool, bool]
) -> Diagnosis:
    """Of a server that closed without a word; `before` says whether it spoke TLS, and HTTP/2, with others."""
    speaks_tls, speaks_plainly = before
    packets, how = (first, ending.packet), "RST" if ending.is_reset else "FIN"
    name, is_plain = _name(asked), asked == PREFACE
    if ending.source != connection.server:
        sentence = (
            f"The server said nothing to the client's {name} (packet {first}), and the client closed the connection "
            f"({how}, packet {ending.packet})."
        )
        return Diagnosis(Cause.CONNECTION_LOST, sentence, packets)
    closed = f"the server said nothing and closed the connection ({how}, packet {ending.packet})"
    if is_plain and speaks_tls:
        sentence = (
            f"The client spoke cleartext to a port that speaks TLS: to its HTTP/2 preface (packet {first}) {closed}; "
            "other connections got TLS from it."
        )
        return Diagnosis(Cause.PLAINTEXT_TO_TLS, sentence, packets)
    if is_plain and speaks_plainly:
        sentence = f"To the client's {name} (packet {first}) {closed}; on other connections it spoke HTTP/2."
        return Diagnosis(Cause.CONNECTION_LOST, sentence, packets)
    if asked.is_request:
        return Diagnosis(Cause.NOT_HTTP2, f"To the client's {name} (packet {first}) {closed}. {_USE_HTTP2}.", packets)
    likely = _NEITHER.format("TLS" if is_plain else "cleartext")
    return Diagnosis(Cause.CONNECTION_LOST, f"To the client's {name} (packet {first}) {closed}: {likely}.", packets)
