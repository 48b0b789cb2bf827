"""A captured call as something that can be sent again: its method, messages, metadata and deadline.

Whoever sent it first does not matter. What gRPC and HTTP/2 write by themselves is left out; what the wire did not
tell cannot be sent, and is refused with the reason.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from inspector.client.options import CallOptions
from inspector.errors import RequestError
from inspector.model.call import Call, CallKind, HeaderBlock
from inspector.model.frame import HeaderSource
from inspector.protocol.metadata import BINARY_SUFFIX
from inspector.schema.catalog import Catalog
from inspector.views.naming import naming
from inspector.views.text import clean

_OWN: Final = frozenset({"te", "content-type", "user-agent", "host", "connection", "content-length"})
"""What the client library or HTTP itself writes; with them go `:…` and `grpc-…`."""
_TIMEOUT: Final = re.compile(r"(\d{1,8})([HMSmun])")
_SECONDS: Final = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_READ: Final = (None, HeaderSource.RECOVERED)


@dataclass(frozen=True, slots=True)
class Sent:
    """What the client of a call sent, as far as it matters for sending it again."""

    path: str
    kind: CallKind | None
    """None without a schema; such a call can be sent as a bidirectional one."""
    messages: tuple[bytes, ...]
    options: CallOptions
    authority: str | None
    is_secure: bool
    """True when it went over TLS."""


def as_sent(call: Call, catalog: Catalog) -> Sent:
    """What to send to have the same call once more; raises RequestError for a call that is not known well enough."""
    known = naming(call, catalog)
    if known.method is None:
        raise RequestError("The method of this call is not known, so it cannot be sent again.", "Give its schema.")
    if not re.fullmatch(r"/[!-~]+", known.method):
        raise RequestError(f"{clean(known.method)} is no method that can be called.")
    method = catalog.method(known.method)
    return Sent(
        known.method,
        method.kind if method else None,
        tuple(_messages(call)),
        CallOptions(tuple(_metadata(call.request_headers)), _deadline(call.request_headers), _is_compressed(call)),
        call.authority,
        call.request_headers is not None and call.request_headers.first(":scheme") == "https",
    )


def _messages(call: Call) -> Iterator[bytes]:
    for number, message in enumerate(call.requests, 1):
        if message.data is None:
            raise RequestError(f"Message {number} of this call is not whole: {message.problem or 'bytes are missing'}.")
        yield message.data


def _metadata(block: HeaderBlock | None) -> Iterator[tuple[str, str | bytes]]:
    sources = dict(block.sources) if block else {}
    for index, (name, value) in enumerate(block.headers if block else ()):
        if name.startswith((":", "grpc-")) or name in _OWN:
            continue
        if sources.get(index) not in _READ:
            raise RequestError(f"The metadata {clean(name) or 'of this call'} was not plainly read from the wire.")
        if name.endswith(BINARY_SUFFIX):
            yield from ((name, each) for each in _bytes(name, value))
        else:
            yield name, value


def _bytes(name: str, value: str) -> Iterator[bytes]:
    for part in value.split(","):
        try:
            yield base64.b64decode(part + "=" * (-len(part) % 4), validate=True)
        except (binascii.Error, ValueError) as error:
            raise RequestError(f"The metadata {clean(name)} is no base64.") from error


def _deadline(block: HeaderBlock | None) -> float | None:
    """The `grpc-timeout` (gRPC over HTTP/2, Timeout) in seconds."""
    match = _TIMEOUT.fullmatch((block.first("grpc-timeout") if block else None) or "")
    return int(match[1]) * _SECONDS[match[2]] if match else None


def _is_compressed(call: Call) -> bool:
    return any(message.encoding == "gzip" for message in call.requests)
