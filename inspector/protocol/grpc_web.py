"""What gRPC-Web adds to gRPC's bodies: text in base64, and trailers as the body's last frame (PROTOCOL-WEB.md).

It runs over HTTP/2 as well as over HTTP/1; on either the trailers of HTTP itself tell nothing.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from inspector.model.frame import Header

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
