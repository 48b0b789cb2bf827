"""Custom-Metadata as gRPC over HTTP/2 allows it: checked before it is sent, and read from what a person wrote."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Final

from inspector.client.options import Metadata
from inspector.errors import RequestError, UsageError

_NAME: Final = re.compile(r"[0-9a-z_.-]+")
_VALUE: Final = re.compile(r"[ -~]*")


def check_metadata(metadata: Iterable[tuple[str, str | bytes]]) -> Metadata:
    """The same pairs with names in lower case; raises RequestError for one that cannot be sent."""
    checked = tuple((name.lower(), value) for name, value in metadata)
    for name, value in checked:
        if not _NAME.fullmatch(name):
            raise RequestError(f"{name!r} cannot be the name of metadata.", "Letters, digits, '-', '_' and '.' can.")
        if name.endswith("-bin") != isinstance(value, bytes):
            raise RequestError(f"The metadata {name} has a value of the wrong kind.", "Names in -bin have bytes.")
        if isinstance(value, str) and not _VALUE.fullmatch(value):
            raise RequestError(f"The metadata {name} has a value beyond ASCII.", "A name in -bin takes any bytes.")
    return checked


def parse_metadata(lines: Iterable[str]) -> Metadata:
    """Pairs of `name:value`, in which the value of a name in -bin is base64; raises UsageError."""
    return tuple(_pair(line) for line in lines)


def _pair(text: str) -> tuple[str, str | bytes]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UsageError(f"{text!r} is no metadata.", "Write it as name:value.")
    name, value = name.strip().lower(), value.strip()
    if not name.endswith("-bin"):
        return name, value
    try:
        return name, base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except binascii.Error as error:
        hint = "Names in -bin carry bytes, written as base64."
        raise UsageError(f"The value of {name} is no base64.", hint) from error
