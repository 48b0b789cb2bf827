"""The first bytes of both sides of a connection, and what they show when the sides speak different protocols.

HTTP/2 begins with the client's preface and the server's SETTINGS (RFC 9113 §3.4). TLS, HTTP/1 or silence instead mean
that one side is configured wrongly. Judges only connections whose beginning was captured.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final, NamedTuple

from inspector.model.connection import Cause, Connection, ConnectionEnding, Diagnosis
from inspector.model.frame import DetectedProtocol, Endpoint, Packet, Protocol, TcpEvent

PREFACE: Final = DetectedProtocol(Protocol.HTTP2, "preface")
_USE_HTTP2: Final = (
    "gRPC needs HTTP/2 from the first byte on: a proxy must use it with its backend (`grpc_pass` in nginx), "
    "and curl needs --http2-prior-knowledge"
)
_OTHER_SILENT_PORTS: Final = "so does a port that expects {}, or one without a service behind it"


class _FirstBytes(NamedTuple):
    detected: DetectedProtocol | None
    """None for bytes of no known protocol."""
    packet: int


class Handshake:
    """The first bytes of each side of one connection."""

    __slots__ = ("_first",)

    def __init__(self) -> None:
        self._first: dict[Endpoint, _FirstBytes] = {}

    def observe(self, packet: Packet, source: Endpoint) -> None:
        """Record the bytes of a packet, if they are the first of its sender that are recognised."""
        if not (packet.payload or packet.frames) or (
            source in self._first and self._first[source].detected is not None
        ):
            return
        self._first[source] = _FirstBytes(_detected(packet), packet.number)

    def is_mismatch(self, packet: Packet, source: Endpoint) -> bool:
        """Return True when a packet shows that the sides differ; tshark shows no HTTP/2 on such a connection."""
        if any(first.detected == PREFACE for first in self._first.values()):
            return True
        client, request = next(
            ((end, first) for end, first in self._first.items() if _is_other_client(first.detected)), (source, None)
        )
        if request is None or request.detected is None or source == client:
            return False
        answer = self._first.get(source)
        if answer is not None:
            return answer.detected is not None and _differ(request.detected, answer.detected)
        return bool(packet.tcp & (TcpEvent.FIN | TcpEvent.RST))

    def is_tls(self) -> bool:
        """Return True when both sides speak TLS."""
        return self._is_both(Protocol.TLS)

    def is_http2(self) -> bool:
        """Return True when both sides speak HTTP/2 in cleartext."""
        return self._is_both(Protocol.HTTP2)

    def _is_both(self, protocol: Protocol) -> bool:
        detected = [first.detected for first in self._first.values()]
        return len(detected) > 1 and all(each is not None and each.protocol is protocol for each in detected)

    def diagnose(
        self, connection: Connection, tls_servers: Container[Endpoint], plain_servers: Container[Endpoint] = ()
    ) -> Diagnosis | None:
        """Return why the connection fails; None while that is not certain.

        `tls_servers` have answered in TLS before, `plain_servers` have spoken HTTP/2 in cleartext.
        """
        request, answer = self._first.get(connection.client), self._first.get(connection.server)
        if request is None or request.detected is None:
            return None
        if not (request.detected == PREFACE or _is_other_client(request.detected)):
            return None
        if answer is not None and answer.detected is not None:
            return _mismatch(request.detected, answer.detected, request.packet, answer.packet)
        if not connection.endings or (answer is not None and request.detected.is_request):
            return None
        if answer is not None:
            sentence = (
                f"The server does not speak HTTP/2: it answered the client's {_name(request.detected)} (packet "
                f"{request.packet}) with bytes that are not HTTP/2 frames (packet {answer.packet})."
            )
            return Diagnosis(Cause.NOT_HTTP2, sentence, (request.packet, answer.packet))
        before = connection.server in tls_servers, connection.server in plain_servers
        return _silence(connection, request.detected, request.packet, connection.endings[0], before)


def _detected(packet: Packet) -> DetectedProtocol | None:
    if packet.tcp & TcpEvent.PREFACE:
        return PREFACE
    return DetectedProtocol(Protocol.HTTP2, packet.frames[0].type_name) if packet.frames else packet.detected


def _is_other_client(detected: DetectedProtocol | None) -> bool:
    """Return True for the first bytes of a client of TLS or HTTP/1."""
    return detected is not None and (detected.text == "ClientHello" or detected.is_request)


def _differ(request: DetectedProtocol, answer: DetectedProtocol) -> bool:
    return request.protocol is not answer.protocol or (request.is_request and answer.refuses_version)


def _name(request: DetectedProtocol) -> str:
    if request.is_request:
        return "HTTP/1.1 request"
    return "preface" if request == PREFACE else f"TLS {request.text}"


def _mismatch(request: DetectedProtocol, answer: DetectedProtocol, first: int, second: int) -> Diagnosis | None:
    packets = (min(first, second), max(first, second))
    if not _differ(request, answer):
        return None
    if request.is_request:
        return Diagnosis(Cause.NOT_HTTP2, f"{_http1_outcome(request, answer, first, second)}. {_USE_HTTP2}.", packets)
    if answer.protocol is Protocol.HTTP1:
        sentence = (
            f"The server answered the client's {_name(request)} (packet {first}) in HTTP/1: "
            f"“{answer.text}” (packet {second})."
        )
        return Diagnosis(Cause.NOT_HTTP2, sentence, packets)
    if answer.protocol is Protocol.TLS:
        sentence = (
            f"The client spoke cleartext to a port that speaks TLS: its HTTP/2 preface (packet {first}) was answered "
            f"by the TLS {answer.text} (packet {second})."
        )
        return Diagnosis(Cause.PLAINTEXT_TO_TLS, sentence, packets)
    sentence = (
        f"The client spoke TLS to a port that speaks cleartext HTTP/2: it sent a ClientHello (packet {first}), and the "
        f"server {answer.text} (packet {second})."
    )
    return Diagnosis(Cause.TLS_TO_PLAINTEXT, sentence, packets)


def _http1_outcome(request: DetectedProtocol, answer: DetectedProtocol, first: int, second: int) -> str:
    """Return what happened to an HTTP/1 request; an HTTP/2 server may have sent SETTINGS before it arrived."""
    line = f"“{request.text}” (packet {first})"
    if answer.protocol is Protocol.HTTP1:
        return f"The client speaks HTTP/1.1, and the server refused {line}: “{answer.text}” (packet {second})"
    other = f"{answer.protocol}: its {line} met the server's {answer.text} (packet {second})"
    return f"The client speaks HTTP/1.1, and the port {other}"


def _silence(
    connection: Connection, request: DetectedProtocol, first: int, ending: ConnectionEnding, before: tuple[bool, bool]
) -> Diagnosis:
    """Diagnose a server that sent nothing; `before` says whether it spoke TLS, and HTTP/2, on other connections."""
    speaks_tls, speaks_http2 = before
    packets, how = (first, ending.packet), "RST" if ending.is_reset else "FIN"
    name, is_plain = _name(request), request == PREFACE
    if ending.source != connection.server:
        sentence = (
            f"The server sent nothing after the client's {name} (packet {first}), and the client closed the connection "
            f"({how}, packet {ending.packet})."
        )
        return Diagnosis(Cause.CONNECTION_LOST, sentence, packets)
    closed = f"the server sent nothing and closed the connection ({how}, packet {ending.packet})"
    if is_plain and speaks_tls:
        sentence = (
            f"The client spoke cleartext to a port that speaks TLS: after its HTTP/2 preface (packet {first}), "
            f"{closed}; on other connections it answered in TLS."
        )
        return Diagnosis(Cause.PLAINTEXT_TO_TLS, sentence, packets)
    if is_plain and speaks_http2:
        sentence = f"After the client's {name} (packet {first}), {closed}; on other connections it spoke HTTP/2."
        return Diagnosis(Cause.CONNECTION_LOST, sentence, packets)
    if request.is_request:
        return Diagnosis(
            Cause.NOT_HTTP2, f"After the client's {name} (packet {first}), {closed}. {_USE_HTTP2}.", packets
        )
    likely = _OTHER_SILENT_PORTS.format("TLS" if is_plain else "cleartext")
    return Diagnosis(Cause.CONNECTION_LOST, f"After the client's {name} (packet {first}), {closed}: {likely}.", packets)
