"""Where packets begin and end in a capture's bytes (draft-ietf-opsawg-pcap, -pcapng).

Sans-IO. Owns the recognition of capture formats and the cutting of a classic pcap at its packets, so that a capture
that is interrupted anywhere stays well-formed. Refuses to look into packets.
"""

from __future__ import annotations

import re
import struct
from enum import Enum
from typing import Final

from inspector.errors import SpoolError

HEADER_LENGTH: Final = 24
MAGIC_LENGTH: Final = 4
PCAPNG_MAGIC: Final = b"\x0a\x0d\x0d\x0a"
MOST_IN_A_RECORD: Final = 16 * 1024 * 1024
"""tshark takes 256 KiB, or 128 MiB on links that carry no TCP: more than this is a stream that is out of step."""


class Pcap(Enum):
    """The classic formats: byte order, and the length of the header before each packet."""

    LITTLE = ("<", 16)
    BIG = (">", 16)
    LITTLE_MODIFIED = ("<", 24)
    BIG_MODIFIED = (">", 24)

    @property
    def captured_length(self) -> struct.Struct:
        """Reads a packet's captured length from its header."""
        return struct.Struct(f"{self.value[0]}8xI")

    @property
    def header_length(self) -> int:
        """Bytes before each packet."""
        return self.value[1]


_CLASSIC: Final = {
    b"\xd4\xc3\xb2\xa1": Pcap.LITTLE,  # microseconds
    b"\xa1\xb2\xc3\xd4": Pcap.BIG,
    b"\x4d\x3c\xb2\xa1": Pcap.LITTLE,  # nanoseconds
    b"\xa1\xb2\x3c\x4d": Pcap.BIG,
    b"\x34\xcd\xb2\xa1": Pcap.LITTLE_MODIFIED,  # Kuznetzov's, of old Linux distributions
    b"\xa1\xb2\xcd\x34": Pcap.BIG_MODIFIED,
}


_TLS_SECRETS: Final = re.compile(rb"\x0a\0\0\0.{4}KSLT|\0\0\0\x0a.{4}TLSK", re.DOTALL)
"""The beginning of a Decryption Secrets Block with a TLS key log, in either byte order."""


def holds_tls_keys(data: bytes) -> bool:
    """Tell whether a stretch of a pcapng holds keys, as editcap puts them in."""
    return _TLS_SECRETS.search(data) is not None


def is_capture(start: bytes) -> bool:
    """Tell whether a file that starts with these four bytes is a pcap or pcapng."""
    return start[:MAGIC_LENGTH] == PCAPNG_MAGIC or start[:MAGIC_LENGTH] in _CLASSIC


def classic_format(start: bytes) -> Pcap | None:
    """The format of a classic pcap that starts with these bytes; None for anything else."""
    return _CLASSIC.get(start[:MAGIC_LENGTH])


class Records:
    """Cuts a classic pcap, arriving in any pieces, into whole packets; anything else passes through as it is."""

    def __init__(self) -> None:
        self.rest = b""
        """What came of a packet that is not whole yet."""
        self.packets = 0
        """How many whole packets came; 0 for what passes through."""
        self._format: Pcap | None = None
        self._passes = False
        """True for bytes that are no classic pcap, or no longer one."""
        self._header = b""
        self._expects_header = True

    @property
    def header(self) -> bytes:
        """The file header that all packets have in common; none for what passes through."""
        return b"" if self._passes else self._header

    def take(self, data: bytes) -> bytes:
        """Take the next bytes; give the whole packets that there are now, the file header before the first of them.

        Raises SpoolError for a capture that cannot be continued by this one: another format, or another link type.
        """
        data = self.rest + data
        self.rest = b""
        if self._passes:
            return data
        if not self._expects_header:
            return self._cut(data, 0)
        if len(data) < MAGIC_LENGTH or (data[:MAGIC_LENGTH] in _CLASSIC and len(data) < HEADER_LENGTH):
            self.rest = data
            return b""
        return self._take_header(data)

    def restart(self) -> None:
        """Expect another file header, that of the same capture continued; a packet that was not whole never will be."""
        self.rest = b""
        self._expects_header = True

    def _take_header(self, data: bytes) -> bytes:
        self._expects_header = False
        if self._header:
            _check_same(self._header, data[:HEADER_LENGTH])
            return self._cut(data[HEADER_LENGTH:], 0)
        self._format = _CLASSIC.get(data[:MAGIC_LENGTH])
        if self._format is None:
            self._passes = True
            return data
        self._header = data[:HEADER_LENGTH]
        return self._cut(data, HEADER_LENGTH)

    def _cut(self, data: bytes, start: int) -> bytes:
        """Give the bytes up to the end of the last whole packet, and keep what comes after it."""
        if self._format is None:
            return data
        length_at, header_length = self._format.captured_length.unpack_from, self._format.header_length
        size = len(data)
        while size - start >= header_length:
            (length,) = length_at(data, start)
            if length > MOST_IN_A_RECORD:
                self._passes = True
                return data
            if size - start < header_length + length:
                break
            start += header_length + length
            self.packets += 1
        self.rest = data[start:]
        return data[:start]


def _check_same(first: bytes, other: bytes) -> None:
    """Refuse to continue a capture with one of another format or link type (the file header's last field)."""
    if first[:MAGIC_LENGTH] != other[:MAGIC_LENGTH] or first[20:] != other[20:]:
        raise SpoolError(
            "The engine now writes another kind of capture than before, which does not fit into one file.",
            "Save this capture and start a new one.",
        )
