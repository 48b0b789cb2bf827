"""The values of gRPC metadata that are not plain text (gRPC over HTTP/2, Custom-Metadata and Status-Message)."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final
from urllib.parse import unquote_to_bytes

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
