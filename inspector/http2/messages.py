"""Cuts messages with gRPC's five-byte prefix out of DATA payloads, and decompresses them."""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType
from typing import Final, NamedTuple, TypeAlias

from inspector.model.call import PREFIX_LENGTH

MAX_MESSAGE: Final = 64 << 20
"""The longest message that is kept, 64 MiB: sixteen times what gRPC accepts by default. Of longer ones only the length
is reported, so that a length field alone never costs memory."""

_COMPRESSED: Final = 1
_MAX_PLAUSIBLE: Final = 4 << 20
"""What gRPC accepts by default, 4 MiB; a search for the next prefix believes no longer message."""


class Cut(NamedTuple):
    """One message as it was cut from the body."""

    offset: int
    """Where its prefix begins, in bytes from the first payload."""
    length: int
    """The length in the prefix, which does not count the prefix itself."""
    compressed: bool
    body: bytes | None
    """The bytes behind the prefix; None where they are incomplete, with the reason in `problem`."""
    problem: str | None = None
    is_end: bool = False
    """True for the block with the deframer's `end_flag`, which ends the body and is not a message."""


class Deframer:
    """Cuts the messages of one side of one stream; `feed` it the payloads in order."""

    __slots__ = ("_buffer", "_is_synced", "_offset", "_skip", "_trial", "end_flag")

    def __init__(self) -> None:
        self._buffer = bytearray()
        """At most a prefix and MAX_MESSAGE bytes, and never more than was fed."""
        self._offset = 0
        """How many bytes were fed before the first of the buffer."""
        self._skip = 0
        """How many bytes of a message that is too long are still to come."""
        self._is_synced = True
        """False while the position of the next prefix is not known."""
        self._trial = b""
        """While not synced: payloads that may begin a message."""
        self.end_flag = 0
        """See `Framing.end_flag`."""

    @property
    def pending(self) -> int:
        """Bytes of an incomplete message; 0 between messages."""
        return len(self._buffer) + self._skip

    @property
    def fed(self) -> int:
        """Bytes fed so far, with lost ones whose number is known."""
        return self._offset + len(self._buffer) + len(self._trial)

    def feed(self, payload: bytes) -> Iterator[Cut]:
        """Yield the messages that these bytes complete."""
        if not self._is_synced:
            payload = self._sync(payload)
            if not payload:
                return
        if not self._buffer and not self._skip and len(payload) >= PREFIX_LENGTH:
            yield from self._cut(payload)  # nothing is buffered: no need to copy the payload first
        else:
            self._buffer += payload
            waiting = bytes(self._buffer) if self._is_complete() else b""
            if waiting:
                self._buffer.clear()
                yield from self._cut(waiting)

    def mark_gap(self, count: int = 0) -> Iterator[Cut]:
        """Yield the incomplete message, which lacks lost bytes; `count` is their number, 0 where unknown.

        Stays synced where the lost bytes all belong to that message, as its length gives the next prefix.
        """
        left = self._skip
        if len(self._buffer) >= PREFIX_LENGTH:
            left = PREFIX_LENGTH + int.from_bytes(self._buffer[1:PREFIX_LENGTH], "big") - len(self._buffer)
        if self._buffer:
            yield self._missing("bytes of it were not captured")
        self._offset += len(self._buffer) + len(self._trial) + count
        self._buffer.clear()
        self._trial = b""
        self._is_synced = self._is_synced and 0 < count <= left
        self._skip = left - count if self._is_synced else 0

    def _sync(self, payload: bytes) -> bytes:
        """Return the bytes from the next prefix on; empty while it is not found."""
        trial = self._trial + payload
        if self._trial and not _may_begin_message(trial) and not _begins_message(trial, is_open=True):
            self._offset += len(self._trial)
            self._trial, trial = b"", payload
        if _begins_message(trial, is_open=bool(self._trial)):
            self._is_synced, self._trial = True, b""
            return trial
        self._trial = trial if _may_begin_message(trial) else b""
        self._offset += len(trial) - len(self._trial)
        return b""

    def _is_complete(self) -> bool:
        if self._skip:
            return True
        if len(self._buffer) < PREFIX_LENGTH:
            return False
        length = int.from_bytes(self._buffer[1:PREFIX_LENGTH], "big")
        is_odd = length > MAX_MESSAGE or not self._is_flag(self._buffer[0])
        return is_odd or len(self._buffer) >= PREFIX_LENGTH + length

    def _cut(self, data: bytes) -> Iterator[Cut]:
        start = min(self._skip, len(data))
        self._skip -= start
        end = len(data)
        while end - start >= PREFIX_LENGTH:
            flag, length = data[start], int.from_bytes(data[start + 1 : start + PREFIX_LENGTH], "big")
            at, after = self._offset + start, start + PREFIX_LENGTH + length
            if not self._is_flag(flag):
                yield Cut(
                    at, end - start, compressed=False, body=None, problem=f"its prefix begins with {flag}, not 0 or 1"
                )
                self._is_synced, start = False, end
            elif length > MAX_MESSAGE:
                problem = f"longer than {MAX_MESSAGE >> 20} MiB: not kept"
                yield Cut(at, length, flag == _COMPRESSED, None, problem)
                self._skip, start = max(after - end, 0), min(after, end)
            elif after > end:
                break
            else:
                body = data[start + PREFIX_LENGTH : after]
                yield Cut(at, length, bool(flag & _COMPRESSED), body, is_end=flag > _COMPRESSED)
                start = after
        self._offset += start
        self._buffer += data[start:]

    def _is_flag(self, flag: int) -> bool:
        return flag <= _COMPRESSED or (self.end_flag != 0 and flag & ~_COMPRESSED == self.end_flag)

    def _missing(self, problem: str) -> Cut:
        length = max(len(self._buffer) - PREFIX_LENGTH, 0)
        compressed = False
        if len(self._buffer) >= PREFIX_LENGTH:
            compressed, length = self._buffer[0] == _COMPRESSED, int.from_bytes(self._buffer[1:PREFIX_LENGTH], "big")
        return Cut(self._offset, length, compressed, None, problem)


def _may_begin_message(payload: bytes) -> bool:
    """Return True when a payload may begin a longer message of a plausible size."""
    if not _MAX_PLAUSIBLE >= int.from_bytes(payload[1:PREFIX_LENGTH], "big") > len(payload) - PREFIX_LENGTH:
        return False
    return len(payload) >= PREFIX_LENGTH and payload[0] <= _COMPRESSED


def _begins_message(payload: bytes, *, is_open: bool = False) -> bool:
    """Return True when a payload is a chain of complete messages from its first byte to its last.

    Used where the beginning of the payload is not known: a weaker test finds messages in the middle of others. An
    `is_open` chain may end inside a message; that is enough evidence after a message that spanned several payloads and
    ended where its prefix says.
    """
    start, end = 0, len(payload)
    while end - start >= PREFIX_LENGTH and payload[start] <= _COMPRESSED:
        after = start + PREFIX_LENGTH + int.from_bytes(payload[start + 1 : start + PREFIX_LENGTH], "big")
        if is_open and start and end < after <= start + _MAX_PLAUSIBLE:
            return True
        start = after
    return start == end > 0


_WINDOW_BITS: Final = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
_MAGIC: Final = {b"\x1f\x8b\x08": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_Result: TypeAlias = tuple[bytes | None, str | None]


class Decompressed(NamedTuple):
    """A decompressed body, or the reason why there is none."""

    data: bytes | None
    encoding: str | None
    """The compression that was used, if known."""
    problem: str | None = None
    """Part of a sentence; together with `data`, what is wrong with the way it was sent."""


def decompress(
    body: bytes, encoding: str | None, header: str = "grpc-encoding", limit: int = MAX_MESSAGE
) -> Decompressed:
    """Decompress a body; `encoding` is the value of `header`, None where that was not read.

    The magic bytes decide where the header is missing or wrong. `deflate` is the zlib format, as in HTTP (RFC 9110
    §8.4.1.2); a raw deflate stream, which some senders use, is accepted too.
    """
    named = None if encoding == "identity" else encoding
    found = next((name for magic, name in _MAGIC.items() if body.startswith(magic)), None)
    if named in _READERS:
        data, problem = _READERS[named](body, limit)
        if data is not None or found in (None, named):
            return Decompressed(data, named, problem)
    elif found is None:
        problem = f"marked as compressed, but no {header} says how"
        return Decompressed(None, encoding, f"compressed with {named}, which cannot be read here" if named else problem)
    data, problem = _READERS[found or ""](body, limit)
    if data is not None and encoding is not None:
        problem = f"compressed with {found}, though its {header} says {encoding}"
    return Decompressed(data, found, problem)


def _zlib(name: str) -> Callable[[bytes, int], _Result]:
    def read(body: bytes, limit: int) -> _Result:
        try:
            return _inflate(body, _WINDOW_BITS[name], limit)
        except zlib.error as error:
            if name == "deflate":
                try:
                    return _inflate(body, -zlib.MAX_WBITS, limit)
                except zlib.error:
                    pass
            return None, f"its {name} data is broken ({error})"

    return read


def _inflate(body: bytes, window_bits: int, limit: int) -> _Result:
    engine = zlib.decompressobj(window_bits)
    data = engine.decompress(body, limit)
    if engine.unconsumed_tail:
        return None, f"inflates to more than {limit >> 20} MiB: not kept"
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


def _zstd(body: bytes, limit: int) -> _Result:
    library = _zstd_library()
    if library is None:
        return None, "compressed with zstd, which this Python cannot read (3.14 can)"
    engine = library.ZstdDecompressor()
    try:
        data = engine.decompress(body, limit)
    except library.ZstdError as error:
        return None, f"its zstd data is broken ({error})"
    if engine.eof:
        return data, None
    if len(data) >= limit:
        return None, f"inflates to more than {limit >> 20} MiB: not kept"
    return None, "its compressed data ends too early"


_READERS: Final[dict[str | None, Callable[[bytes, int], _Result]]] = {
    "gzip": _zlib("gzip"),
    "deflate": _zlib("deflate"),
    "zstd": _zstd,
}
