"""What the Connect protocol has of its own (connectrpc.com/docs/protocol): content types, errors, and how streams end.

Its streams carry messages in the envelopes of gRPC, and tell status and trailers as JSON in a last one; over HTTP/2
beside gRPC, and with methods of the same names. Its unary calls have the bare message as their body, and tell an error
as JSON.
"""

from __future__ import annotations

from typing import Final

import msgspec

from inspector.model.call import HeaderBlock
from inspector.model.status import STATUS_NAMES, Status

END_STREAM: Final = 0x02
"""The bit of an envelope's first byte that marks the last one."""
ENCODING: Final = "connect-content-encoding"
"""How the envelopes of a stream are compressed that say that they are."""
_STREAMING: Final = "application/connect+"
_VERSION: Final = "connect-protocol-version"
_CODES: Final = {name.lower(): code for code, name in enumerate(STATUS_NAMES)} | {"canceled": 1}
_UNKNOWN: Final = 2
_NO_JSON: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Error(msgspec.Struct):
    code: str = ""
    message: str = ""

    @property
    def status(self) -> Status:
        return Status.of(_CODES.get(self.code, _UNKNOWN), self.message)


class _End(msgspec.Struct):
    error: _Error | None = None
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
        error = msgspec.json.decode(body, type=_Error)
    except _NO_JSON:
        return None
    return error.status if error.code else None


def read_end(body: bytes) -> tuple[HeaderBlock, Status] | None:
    """The trailers and the status that the last envelope of a stream tells; None where it cannot be read."""
    try:
        end = msgspec.json.decode(body, type=_End)
    except _NO_JSON:
        return None
    trailers = tuple((name.lower(), value) for name, values in end.metadata.items() for value in values)
    return HeaderBlock(trailers), Status.of(0) if end.error is None else end.error.status
