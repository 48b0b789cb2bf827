"""A gRPC message as it was on the wire, behind a five-byte prefix (gRPC over HTTP/2, Length-Prefixed-Message)."""

from __future__ import annotations

from typing import Final

import msgspec

PREFIX_LENGTH: Final = 5


class Message(msgspec.Struct, frozen=True, gc=False):
    """One message of a call, whole or missing."""

    packet: int
    """The packet in which its last byte arrived."""
    time: float
    frame: int
    """The position in the store of the frame that held its last byte."""
    offset: int
    """Where its prefix begins in all the DATA bytes that its side sent on the stream."""
    length: int
    """Bytes on the wire behind the prefix, before decompression."""
    data: bytes | None
    """The message, decompressed; None where it cannot be had, with the reason in `problem`."""
    encoding: str | None = None
    """The compression of this message: `gzip`, `deflate`, …; None for none."""
    problem: str | None = None
    """A sentence: bytes were lost, the compression is unknown or broken, it inflates past the bound, …"""
    is_apart: bool = False
    """True where its bytes are not in the frame's payload as they are: it is compressed, began in an earlier frame, or
    the payload is base64."""
