"""Makes plain pcap or pcapng of a capture that may be gzipped, and rejects anything else.

Sans-IO. Damage in gzip data is reported, not raised, as the packets before it are good.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

from inspector.errors import SourceError
from inspector.pcap.records import MAGIC_LENGTH, is_capture

_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP_WINDOW: Final = 31
"""For zlib: a gzip header, and the largest window."""
_MAX_PIECE: Final = 256 * 1024
"""Bytes that are inflated at a time: a small file may inflate to any size."""

_OTHER_COMPRESSIONS: Final = {
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"\xfd7zX": "xz",
    b"BZh9": "bzip2",
}


class Unpacker:
    """Converts the bytes of one source, which come in any pieces."""

    def __init__(self, name: str) -> None:
        """Name the source for error messages."""
        self.problem = ""
        """A sentence about the missing part of the capture; empty where it is complete."""
        self.is_cut_off = False
        """True where the problem is that gzip data has no end."""
        self.is_packed: bool | None = None
        """True for gzip data, whose end differs from a cut; None before the first bytes."""
        self._name = name
        self._start = b""
        self._is_recognised = False
        self._inflater = zlib.decompressobj(_GZIP_WINDOW)
        self._is_in_member = False

    def take(self, data: bytes) -> Iterator[bytes]:
        """Yield the plain bytes, up to 256 KiB at a time; raise SourceError where they are not a capture."""
        if self.is_packed is None:
            data, self._start = self._start + data, b""
            if len(data) < len(_GZIP_MAGIC):
                self._start = data
                return
            self.is_packed = data.startswith(_GZIP_MAGIC)
        for piece in self._inflated(data) if self.is_packed else (data,):
            if recognised := self._recognise(piece):
                yield recognised

    def finish(self) -> None:
        """Note the end of the source: raise SourceError where there was no capture, set `problem` for part of one."""
        if not self._is_recognised:
            raise _no_capture(self._name, self._start)
        if self._is_in_member and not self.problem:
            self.is_cut_off = True
            self.problem = f"{self._name} is cut off: its gzip data does not come to an end."

    def _inflated(self, data: bytes) -> Iterator[bytes]:
        """Inflate one gzip member after the other, up to the first damage."""
        while data and not self.problem:
            self._is_in_member = True
            try:
                piece = self._inflater.decompress(data, _MAX_PIECE)
            except zlib.error as error:
                self.problem = f"{self._name} is damaged: its gzip data cannot be read on ({error})."
                return
            yield piece
            data = self._inflater.unconsumed_tail
            if self._inflater.eof:
                data = self._inflater.unused_data.lstrip(b"\0")  # some writers pad with zeroes
                self._inflater = zlib.decompressobj(_GZIP_WINDOW)
                self._is_in_member = False

    def _recognise(self, data: bytes) -> bytes:
        """Hold bytes back until there are enough to recognise a capture, and return all of them then."""
        if self._is_recognised:
            return data
        self._start += data
        if len(self._start) < MAGIC_LENGTH:
            return b""
        if not is_capture(self._start):
            raise _no_capture(self._name, self._start)
        self._is_recognised = True
        return self._start


def _no_capture(name: str, start: bytes) -> SourceError:
    if not start:
        return SourceError(f"{name} is empty: there is no capture in it.")
    command = _OTHER_COMPRESSIONS.get(start[:MAGIC_LENGTH])
    if command:
        return SourceError(
            f"{name} is packed with {command}.", f"Unpack it first: {command} -dc FILE | grpc-inspector -"
        )
    hint = "Give a pcap or pcapng file, plain or gzipped; `editcap FILE FILE.pcapng` makes one of what Wireshark reads."
    return SourceError(f"{name} is not a capture in pcap or pcapng.", hint)
