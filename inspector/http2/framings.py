"""What gRPC, gRPC-Web and Connect each have of their own in headers and bodies."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec

from inspector.model.call import STATUS_NAMES, HeaderBlock, Status
from inspector.model.frame import Header

BINARY_SUFFIX: Final = "-bin"
_ESCAPE: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")


def binary_value(raw: bytes) -> str:
    """A `-bin` value as base64 with padding, several joined by commas as they were.

    On the wire it is base64, with or without padding, or, between peers that agreed on it, a NUL and the true bytes.
    What is none of these stays as it is.
    """
    if raw[:1] == b"\0":
        return base64.b64encode(raw[1:]).decode()
    return ",".join(map(_padded, raw.decode(errors="replace").split(",")))


def _padded(text: str) -> str:
    bare = text.strip().rstrip("=")
    candidate = bare + "=" * (-len(bare) % 4)
    try:
        base64.b64decode(candidate, validate=True)
    except (binascii.Error, ValueError):
        return text
    return candidate


def status_message(raw: str) -> str:
    """A `grpc-message` without its percent-encoding; escapes that are none stay as they are."""
    return _ESCAPE.sub(lambda match: unquote_to_bytes(match[0]).decode(errors="replace"), raw)


TRAILERS: Final = 0x80
"""The bit of a prefix's first byte that marks trailers."""
_WEB: Final = "application/grpc-web"
_TEXT: Final = "application/grpc-web-text"
_UNIT: Final = 4
_OTHER: Final = re.compile(rb"[^A-Za-z0-9+/=]+")


def is_web(content_type: str | None) -> bool:
    """True for gRPC-Web of either kind."""
    return content_type is not None and content_type.startswith(_WEB)


def is_text(content_type: str | None) -> bool:
    """True where the body is base64."""
    return content_type is not None and content_type.startswith(_TEXT)


class TextBody:
    """Decodes a body of base64 as it comes; its pieces may each be padded on their own."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, payload: bytes) -> bytes:
        """The bytes that are whole by now; what is no base64 ends nothing."""
        text = self._rest + _OTHER.sub(b"", payload)
        whole = len(text) // _UNIT * _UNIT
        self._rest = text[whole:]
        return b"".join(_decoded(unit) for unit in re.findall(rb"[^=]+=*|=+", text[:whole]))


def _decoded(unit: bytes) -> bytes:
    try:
        return base64.b64decode(unit)
    except (binascii.Error, ValueError):
        return b""


def trailers_of(body: bytes) -> tuple[Header, ...]:
    """The trailers in a body's last frame: lines as in HTTP/1, names in lower case."""
    lines = (line.partition(":") for line in body.decode(errors="replace").split("\r\n"))
    return tuple((name.strip().lower(), value.strip()) for name, colon, value in lines if colon)


END_STREAM: Final = 0x02
"""The bit of an envelope's first byte that marks the last one."""
ENCODING: Final = "connect-content-encoding"
"""How the envelopes of a stream are compressed that say that they are."""
_STREAMING: Final = "application/connect+"
_VERSION: Final = "connect-protocol-version"
_CODES: Final = {name.lower(): code for code, name in enumerate(STATUS_NAMES)} | {"canceled": 1}
_UNKNOWN: Final = 2
_NO_JSON: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _ConnectError(msgspec.Struct):
    code: str = ""
    message: str = ""

    @property
    def status(self) -> Status:
        return Status.of(_CODES.get(self.code, _UNKNOWN), self.message)


class _End(msgspec.Struct):
    error: _ConnectError | None = None
    metadata: dict[str, tuple[str, ...]] = {}


def is_stream(content_type: str | None) -> bool:
    """True for the body of a streaming call."""
    return content_type is not None and content_type.startswith(_STREAMING)


def speaks_connect(request: HeaderBlock | None) -> bool:
    """True for the headers of a request of the protocol, unary or streaming; clients may leave the unary mark out."""
    return request is not None and (request.first(_VERSION) is not None or is_stream(request.first("content-type")))


def read_error(body: bytes) -> Status | None:
    """The status that the body of a unary error tells; None where it tells none."""
    try:
        error = msgspec.json.decode(body, type=_ConnectError)
    except _NO_JSON:
        return None
    return error.status if error.code else None


def beside_trailers(body: bytes) -> bytes:
    """What the last envelope of a stream tells besides its trailers, the error say, as JSON; b"" for nothing."""
    end = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    rest = {key: value for key, value in end.items() if key != "metadata"}
    return msgspec.json.encode(rest) if rest else b""


def read_end(body: bytes) -> tuple[HeaderBlock, Status] | None:
    """The trailers and the status that the last envelope of a stream tells; None where it cannot be read."""
    try:
        end = msgspec.json.decode(body, type=_End)
    except _NO_JSON:
        return None
    trailers = tuple((name.lower(), value) for name, values in end.metadata.items() for value in values)
    return HeaderBlock(trailers), Status.of(0) if end.error is None else end.error.status
