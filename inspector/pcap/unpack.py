"""The bytes of a capture as somebody gave them, made into plain pcap or pcapng: gunzipped, and recognised.

Sans-IO. Owns the sentence about what is no capture. Damage in gzip data is told, not raised: what came before it is
good.
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
_PIECE: Final = 256 * 1024
"""The most that is inflated at a time: a small file may inflate to any size."""

_OTHER_PACKERS: Final = {
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"\xfd7zX": "xz",
    b"BZh9": "bzip2",
}


class Unpacker:
    """Takes a capture's bytes in any pieces and gives the plain ones."""

    def __init__(self, name: str) -> None:
        self.problem = ""
        """A sentence on what is missing of the capture; empty when nothing is."""
        self.is_cut_off = False
        """True where the problem is that gzip data has no end."""
        self.is_packed: bool | None = None
        """True for gzip data, whose end can be told from a cut; None before the first bytes."""
        self._name = name
        """What the source is called in sentences about it."""
        self._start = b""
        self._is_recognised = False
        self._inflate: zlib._Decompress | None = None

    def take(self, data: bytes) -> Iterator[bytes]:
        """Give the plain bytes of these, up to 256 KiB at a time; raises SourceError where this is no capture."""
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
        """Tell that nothing more will come; raises SourceError where no capture came, sets `problem` for half a one."""
        if not self._is_recognised:
            raise _no_capture(self._name, self._start)
        if self._inflate is not None and not self.problem:
            self.is_cut_off = True
            self.problem = f"{self._name} is cut off: its gzip data does not come to an end."

    def _inflated(self, data: bytes) -> Iterator[bytes]:
        """Inflate one gzip member after the other; after damage nothing more comes."""
        while data and not self.problem:
            if self._inflate is None:
                self._inflate = zlib.decompressobj(_GZIP_WINDOW)
            try:
                piece = self._inflate.decompress(data, _PIECE)
            except zlib.error as error:
                self.problem = f"{self._name} is damaged: its gzip data cannot be read on ({error})."
                return
            yield piece
            data = self._inflate.unconsumed_tail
            if self._inflate.eof:
                data = self._inflate.unused_data.lstrip(b"\0")  # some writers pad with zeroes
                self._inflate = None

    def _recognise(self, data: bytes) -> bytes:
        """Hold bytes back until there are enough to tell a capture by."""
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
    packer = _OTHER_PACKERS.get(start[:MAGIC_LENGTH])
    if packer:
        return SourceError(f"{name} is packed with {packer}.", f"Unpack it first: {packer} -dc FILE | grpc-inspector -")
    hint = "Give a pcap or pcapng file, plain or gzipped; `editcap FILE FILE.pcapng` makes one of what Wireshark reads."
    return SourceError(f"{name} is no capture in pcap or pcapng.", hint)
