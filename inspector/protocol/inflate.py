"""Decompresses message bodies by the name that `grpc-encoding` gave (gRPC over HTTP/2, Message-Encoding).

Every inflation stops at its bound: nothing from the wire decides how much memory is used.
"""

from __future__ import annotations

import zlib
from typing import Final

from inspector.protocol.deframer import MESSAGE_BOUND

_WINDOW_BITS: Final = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


def inflate(body: bytes, encoding: str | None, bound: int = MESSAGE_BOUND) -> tuple[bytes | None, str | None]:
    """The decompressed body, or None and a sentence that says why it cannot be had.

    `deflate` is the zlib format, as in HTTP (RFC 9110 §8.4.1.2); a raw stream, which some senders mean, is taken too.
    """
    if encoding is None or encoding == "identity":
        return None, "marked as compressed, but no grpc-encoding says how"
    if encoding not in _WINDOW_BITS:
        return None, f"compressed with {encoding}, which cannot be read here"
    try:
        return _inflate(body, _WINDOW_BITS[encoding], bound)
    except zlib.error as error:
        if encoding == "deflate":
            try:
                return _inflate(body, -zlib.MAX_WBITS, bound)
            except zlib.error:
                pass
        return None, f"its {encoding} data is broken ({error})"


def _inflate(body: bytes, window_bits: int, bound: int) -> tuple[bytes | None, str | None]:
    engine = zlib.decompressobj(window_bits)
    data = engine.decompress(body, bound)
    if engine.unconsumed_tail:
        return None, f"inflates to more than {bound >> 20} MiB: not kept"
    if not engine.eof:
        return None, "its compressed data ends too early"
    return data, None
