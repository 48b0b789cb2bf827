"""How each framing lays messages, trailers and status in a body, as one table; and the values of gRPC's headers.

A `Framing` holds everything in which gRPC, gRPC-Web, Connect and plain bodies differ. Nothing elsewhere compares media
types.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

import msgspec

from inspector.model.call import STATUS_NAMES, HeaderBlock, Status

BINARY_SUFFIX: Final = "-bin"
_ESCAPE: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")


def binary_value(raw: bytes) -> str:
    """Return a `-bin` value as base64 with padding; values joined by commas stay joined.

    On the wire it is base64 with or without padding or, between C-core peers, a NUL followed by the raw bytes.
    Anything else is returned unchanged.
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
    """Percent-decode a `grpc-message`; invalid escapes stay as they are."""
    return _ESCAPE.sub(lambda match: unquote_to_bytes(match[0]).decode(errors="replace"), raw)


class Base64Body:
    """Decodes a base64 body (gRPC-Web-Text) piece by piece. Each piece may carry its own padding."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""
        """Characters of a group of four that is not complete yet."""

    def feed(self, payload: bytes) -> bytes:
        """Return the bytes that are complete now. Characters outside the alphabet are skipped."""
        text = self._rest + _NOT_BASE64.sub(b"", payload)
        whole = len(text) // 4 * 4
        self._rest = text[whole:]
        return b"".join(_decoded(unit) for unit in re.findall(rb"[^=]+=*|=+", text[:whole]))


_NOT_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/=]+")


def _decoded(unit: bytes) -> bytes:
    try:
        return base64.b64decode(unit)
    except (binascii.Error, ValueError):
        return b""


class EndOfBody(NamedTuple):
    """What the last prefixed block of a body carries, where the framing puts trailers or status there."""

    trailers: HeaderBlock
    status: Status | None = None
    """None where the trailers hold it."""


def _read_web_end(body: bytes) -> EndOfBody:
    """Read trailers in the form of HTTP/1 header lines; names become lower case."""
    lines = (line.partition(":") for line in body.decode(errors="replace").split("\r\n"))
    return EndOfBody(HeaderBlock(tuple((name.strip().lower(), value.strip()) for name, colon, value in lines if colon)))


def _web_rest(body: bytes) -> bytes:
    return b"" if _read_web_end(body).trailers.headers else body


_CONNECT_CODES: Final = {name.lower(): code for code, name in enumerate(STATUS_NAMES)} | {"canceled": 1}
"""Connect writes gRPC's codes in lower case, and CANCELLED with one L."""
_UNKNOWN: Final = 2
_INVALID_JSON: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _ConnectError(msgspec.Struct):
    code: str = ""
    message: str = ""

    @property
    def status(self) -> Status:
        return Status.of(_CONNECT_CODES.get(self.code, _UNKNOWN), self.message)


class _EndStreamResponse(msgspec.Struct):
    error: _ConnectError | None = None
    metadata: dict[str, tuple[str, ...]] = {}


def _read_connect_end(body: bytes) -> EndOfBody | None:
    try:
        end = msgspec.json.decode(body, type=_EndStreamResponse)
    except _INVALID_JSON:
        return None
    trailers = tuple((name.lower(), value) for name, values in end.metadata.items() for value in values)
    return EndOfBody(HeaderBlock(trailers), Status.of(0) if end.error is None else end.error.status)


def _connect_rest(body: bytes) -> bytes:
    if _read_connect_end(body) is None:
        return body
    end = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    rest = {key: value for key, value in end.items() if key != "metadata"}
    return msgspec.json.encode(rest) if rest else b""


def _read_connect_error(body: bytes) -> Status | None:
    try:
        error = msgspec.json.decode(body, type=_ConnectError)
    except _INVALID_JSON:
        return None
    return error.status if error.code else None


def _nothing(_body: bytes) -> None:
    return None


def _unchanged(body: bytes) -> bytes:
    return body


@dataclass(frozen=True, slots=True)
class Framing:
    """One way to lay messages in an HTTP/2 body; the defaults are those of gRPC."""

    is_grpc: bool = False
    """True for gRPC and gRPC-Web."""
    has_messages: bool = True
    """True where each message has a prefix: one byte of flags and four of length."""
    is_base64: bool = False
    """True where the whole body is base64."""
    encoding_header: str = "grpc-encoding"
    """The header that names the compression of messages."""
    end_flag: int = 0
    """The bit in the flags of a prefix that marks the end of the body instead of a message; 0 where HTTP/2 trailers
    end it."""
    is_end_compressed: bool = False
    """True where the compression flag applies to the block with `end_flag` too."""
    end_has_status: bool = False
    """True where that block holds the status itself, not in trailers."""
    read_end: Callable[[bytes], EndOfBody | None] = _nothing
    """Read the block with `end_flag`; None where it cannot be read."""
    rest_of_end: Callable[[bytes], bytes] = _unchanged
    """Return what that block holds besides its trailers, as JSON; all of it where it cannot be read."""
    read_error: Callable[[bytes], Status | None] = _nothing
    """Read the status from the body of an HTTP error; None where it holds none."""
    note: str = ""
    """A sentence for people who expect gRPC."""


GRPC: Final = Framing(is_grpc=True)
"""gRPC over HTTP/2."""
GRPC_WEB: Final = Framing(is_grpc=True, end_flag=0x80, read_end=_read_web_end, rest_of_end=_web_rest)
GRPC_WEB_TEXT: Final = replace(GRPC_WEB, is_base64=True)
CONNECT_STREAMING: Final = Framing(
    encoding_header="connect-content-encoding",
    end_flag=0x02,
    is_end_compressed=True,
    end_has_status=True,
    read_end=_read_connect_end,
    rest_of_end=_connect_rest,
    read_error=_read_connect_error,
    note="Connect, streaming: messages in envelopes like gRPC's, with status and trailers in the last one",
)
CONNECT_UNARY: Final = Framing(
    has_messages=False,
    read_error=_read_connect_error,
    note="Connect, unary: the body is the message, and there are no trailers",
)
"""Recognised by the header `connect-protocol-version` alone; its content types are those of the messages."""
PLAIN: Final = Framing(has_messages=False)
"""Any other body."""

_BY_MEDIA_TYPE: Final = (
    ("application/grpc-web-text", GRPC_WEB_TEXT),
    ("application/grpc-web", GRPC_WEB),
    ("application/grpc", GRPC),
    ("application/connect+", CONNECT_STREAMING),
)
"""By what the content type begins with; where one entry begins with another, the longer one first."""


def framing_of(content_type: str | None) -> Framing:
    """Return the framing of a body; that of gRPC where its content type is not known."""
    if content_type is None:
        return GRPC
    for media_type, framing in _BY_MEDIA_TYPE:
        if content_type.startswith(media_type):
            return framing
    return PLAIN


def framing_of_call(request: HeaderBlock | None) -> Framing:
    """Return the framing that the headers of a request announce; Connect clients may omit the protocol version."""
    if request is None:
        return GRPC
    framing = framing_of(request.first("content-type"))
    if framing is not CONNECT_STREAMING and request.first("connect-protocol-version") is not None:
        return CONNECT_UNARY
    return framing
