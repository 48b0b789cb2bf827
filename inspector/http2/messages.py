"""Cuts gRPC messages out of DATA payloads and decompresses them."""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType
from typing import Final, NamedTuple, TypeAlias

from inspector.model.call import PREFIX_LENGTH

MESSAGE_BOUND: Final = 64 << 20
"""The longest message that is kept, 64 MiB: sixteen times what gRPC accepts by default. Of longer ones only the
length is told, so that a length field alone never costs memory."""

_COMPRESSED: Final = 1
_PLAUSIBLE: Final = 4 << 20
"""What gRPC accepts by default, 4 MiB."""


class Cut(NamedTuple):
    """One message as it was found."""

    offset: int
    """Where its prefix began, counted in bytes from the first payload."""
    length: int
    """As the prefix says, without the prefix."""
    compressed: bool
    body: bytes | None
    """The bytes behind the prefix; None where they are not all there, with the reason in `problem`."""
    problem: str | None = None
    is_end: bool = False
    """True for what ends the body, in gRPC-Web and Connect, and is no message."""


class Deframer:
    """One side of one stream; `feed` it payloads in their order."""

    __slots__ = ("_buffer", "_in_step", "_offset", "_skip", "_trial", "end_flag")

    def __init__(self) -> None:
        self._buffer = bytearray()
        """At most a prefix and MESSAGE_BOUND bytes, and never more than was fed."""
        self._offset = 0
        """How many bytes were fed before the buffer's first."""
        self._skip = 0
        """How many bytes of a message beyond the bound are still to come."""
        self._in_step = True
        """False while it is not known where the next prefix is."""
        self._trial = b""
        """While out of step: payloads that may be the beginning of a message."""
        self.end_flag = 0
        """The bit of a prefix's first byte that marks the end of the body, where the protocol has one: no message."""

    @property
    def pending(self) -> int:
        """Bytes of a message that is not whole; 0 between messages."""
        return len(self._buffer) + self._skip

    @property
    def fed(self) -> int:
        """Bytes that came so far, lost ones too where their number is known."""
        return self._offset + len(self._buffer) + len(self._trial)

    def feed(self, payload: bytes) -> Iterator[Cut]:
        """The messages that these bytes complete."""
        if not self._in_step:
            payload = self._step_in(payload)
            if not payload:
                return
        if not self._buffer and not self._skip and len(payload) >= PREFIX_LENGTH:
            yield from self._cut(payload)  # nothing waits: no need to copy the payload first
        else:
            self._buffer += payload
            waiting = bytes(self._buffer) if self._is_complete() else b""
            if waiting:
                self._buffer.clear()
                yield from self._cut(waiting)

    def lose(self, count: int = 0) -> Iterator[Cut]:
        """Bytes were lost here, `count` of them where that is known: what was waiting is missing.

        Where it is known that all of them were of one message, its end and with it the next message are known too.
        """
        left = self._skip
        if len(self._buffer) >= PREFIX_LENGTH:
            left = PREFIX_LENGTH + int.from_bytes(self._buffer[1:PREFIX_LENGTH], "big") - len(self._buffer)
        if self._buffer:
            yield self._missing("bytes of it were not captured")
        self._offset += len(self._buffer) + len(self._trial) + count
        self._buffer.clear()
        self._trial = b""
        self._in_step = self._in_step and 0 < count <= left
        self._skip = left - count if self._in_step else 0

    def _step_in(self, payload: bytes) -> bytes:
        """The bytes from where messages are found again; empty while they are not."""
        trial = self._trial + payload
        if self._trial and not _may_begin_message(trial) and not _begins_message(trial, is_open=True):
            self._offset += len(self._trial)
            self._trial, trial = b"", payload
        if _begins_message(trial, is_open=bool(self._trial)):
            self._in_step, self._trial = True, b""
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
        is_odd = length > MESSAGE_BOUND or not self._is_flag(self._buffer[0])
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
                self._in_step, start = False, end
            elif length > MESSAGE_BOUND:
                problem = f"longer than {MESSAGE_BOUND >> 20} MiB: not kept"
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
    """True when a payload may be the beginning of a message of which more is to come, of a size that gRPC takes."""
    if not _PLAUSIBLE >= int.from_bytes(payload[1:PREFIX_LENGTH], "big") > len(payload) - PREFIX_LENGTH:
        return False
    return len(payload) >= PREFIX_LENGTH and payload[0] <= _COMPRESSED


def _begins_message(payload: bytes, *, is_open: bool = False) -> bool:
    """True when a payload is, from its first byte to its last, a chain of whole messages.

    Asked where it is not known what the payload begins with: anything less exact would find messages in the middle
    of others. Behind a message as long as several payloads, whose end was where its prefix says, an `is_open` chain
    may end in the beginning of another.
    """
    start, end = 0, len(payload)
    while end - start >= PREFIX_LENGTH and payload[start] <= _COMPRESSED:
        after = start + PREFIX_LENGTH + int.from_bytes(payload[start + 1 : start + PREFIX_LENGTH], "big")
        if is_open and start and end < after <= start + _PLAUSIBLE:
            return True
        start = after
    return start == end > 0


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
