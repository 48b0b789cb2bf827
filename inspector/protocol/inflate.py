"""Decompresses message bodies by the name that `grpc-encoding` gave (gRPC over HTTP/2, Message-Encoding).

Every inflation stops at its bound: nothing from the wire decides how much memory is used. Where no name is known, or
a false one, the first bytes of gzip (RFC 1952 §2.3.1) and zstd (RFC 8878 §3.1.1) tell what it is.
"""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Final, NamedTuple, TypeAlias

from inspector.protocol.deframer import MESSAGE_BOUND

_WINDOW_BITS: Final = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
_MAGIC: Final = {b"\x1f\x8b\x08": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_Tried: TypeAlias = tuple[bytes | None, str | None]


class Inflated(NamedTuple):
    """A decompressed body, or why there is none."""

    data: bytes | None
    encoding: str | None
    """What it was compressed with, as far as that is known."""
    problem: str | None = None
    """A sentence; beside `data` it says what is wrong with how it was sent."""


def inflate(body: bytes, encoding: str | None, bound: int = MESSAGE_BOUND) -> Inflated:
    """The decompressed body, or a sentence that says why it cannot be had; `encoding` is None where none was read.

    `deflate` is the zlib format, as in HTTP (RFC 9110 §8.4.1.2); a raw stream, which some senders mean, is taken too.
    """
    said = None if encoding == "identity" else encoding
    found = next((name for magic, name in _MAGIC.items() if body.startswith(magic)), None)
    if said in _READERS:
        data, problem = _READERS[said](body, bound)
        if data is not None or found in (None, said):
            return Inflated(data, said, problem)
    elif found is None:
        problem = "marked as compressed, but no grpc-encoding says how"
        return Inflated(None, encoding, f"compressed with {said}, which cannot be read here" if said else problem)
    data, problem = _READERS[found or ""](body, bound)
    if data is not None and encoding is not None:
        problem = f"compressed with {found}, though its grpc-encoding says {encoding}"
    return Inflated(data, found, problem)


def _zlib(name: str) -> Callable[[bytes, int], _Tried]:
    def read(body: bytes, bound: int) -> _Tried:
        try:
            return _inflate(body, _WINDOW_BITS[name], bound)
        except zlib.error as error:
            if name == "deflate":
                try:
                    return _inflate(body, -zlib.MAX_WBITS, bound)
                except zlib.error:
                    pass
            return None, f"its {name} data is broken ({error})"

    return read


def _inflate(body: bytes, window_bits: int, bound: int) -> _Tried:
    engine = zlib.decompressobj(window_bits)
    data = engine.decompress(body, bound)
    if engine.unconsumed_tail:
        return None, f"inflates to more than {bound >> 20} MiB: not kept"
    if not engine.eof:
        return None, "its compressed data ends too early"
    return data, None


@cache
def _zstd_library() -> ModuleType | None:
    """The zstd of Python 3.14 and later, or the same as a package of its own for those before."""
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


def _zstd(body: bytes, bound: int) -> _Tried:
    library = _zstd_library()
    if library is None:
        return None, "compressed with zstd, which this Python cannot read (3.14 can)"
    engine = library.ZstdDecompressor()
    try:
        data = engine.decompress(body, bound)
    except library.ZstdError as error:
        return None, f"its zstd data is broken ({error})"
    if engine.eof:
        return data, None
    if len(data) >= bound:
        return None, f"inflates to more than {bound >> 20} MiB: not kept"
    return None, "its compressed data ends too early"


_READERS: Final[dict[str | None, Callable[[bytes, int], _Tried]]] = {
    "gzip": _zlib("gzip"),
    "deflate": _zlib("deflate"),
    "zstd": _zstd,
}
