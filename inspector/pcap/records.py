"""The classic pcap format: its headers, and its records cut from bytes that come in any pieces.

Sans-IO. `Remainder` holds the beginning of an incomplete record, of pcapng too.
"""

from __future__ import annotations

import re
import struct
from enum import Enum
from typing import Final

from inspector.errors import SpoolError


class Remainder:
    """The beginning of an incomplete record, joined once, when all of it has come.

    Joining it with every piece takes time by the square of a length that the capture itself claims: minutes for a
    single block of 256 MB.
    """

    __slots__ = ("_needed", "data")

    def __init__(self) -> None:
        self.data = bytearray()
        self._needed = 0

    def __bool__(self) -> bool:
        return bool(self.data)

    def join(self, data: bytes) -> bytes | None:
        """Return the remainder followed by these bytes, and clear it; None, and keep them, while more are needed."""
        if not self.data:
            return data
        if len(self.data) + len(data) < self._needed:
            self.data += data
            return None
        joined = b"".join((self.data, data))
        self.clear()
        return joined

    def keep(self, data: bytes, needed: int) -> None:
        """Set the remainder, of which the whole record has `needed` bytes."""
        self.data, self._needed = bytearray(data), needed

    def clear(self) -> None:
        """Drop the remainder."""
        self.data = bytearray()


HEADER_LENGTH: Final = 24
MAGIC_LENGTH: Final = 4
PCAPNG_MAGIC: Final = b"\x0a\x0d\x0d\x0a"
MAX_RECORD: Final = 16 * 1024 * 1024
"""Bytes of a packet. tshark accepts 256 KiB, or 128 MiB on links that carry no TCP; more than 16 MiB means that record
boundaries were lost."""


class Pcap(Enum):
    """The classic formats: byte order, length of the header before each packet, time units per second."""

    LITTLE = ("<", 16, 1_000_000)
    BIG = (">", 16, 1_000_000)
    LITTLE_NANO = ("<", 16, 1_000_000_000)
    BIG_NANO = (">", 16, 1_000_000_000)
    LITTLE_MODIFIED = ("<", 24, 1_000_000)
    BIG_MODIFIED = (">", 24, 1_000_000)

    @property
    def byte_order(self) -> str:
        """`<` or `>`, for struct."""
        return self.value[0]

    @property
    def header_length(self) -> int:
        """Bytes before each packet."""
        return self.value[1]

    @property
    def units(self) -> int:
        """Units of a packet's timestamp per second."""
        return self.value[2]

    @property
    def captured_length(self) -> struct.Struct:
        """Reads a packet's captured length from its header."""
        return struct.Struct(f"{self.byte_order}8xI")

    @property
    def record_header(self) -> struct.Struct:
        """Seconds, fraction, captured length, original length: the part that is common to all formats."""
        return struct.Struct(f"{self.byte_order}IIII")


_CLASSIC: Final = {
    b"\xd4\xc3\xb2\xa1": Pcap.LITTLE,
    b"\xa1\xb2\xc3\xd4": Pcap.BIG,
    b"\x4d\x3c\xb2\xa1": Pcap.LITTLE_NANO,
    b"\xa1\xb2\x3c\x4d": Pcap.BIG_NANO,
    b"\x34\xcd\xb2\xa1": Pcap.LITTLE_MODIFIED,  # Kuznetzov's variant, in old Linux distributions
    b"\xa1\xb2\xcd\x34": Pcap.BIG_MODIFIED,
}


_TLS_SECRETS: Final = re.compile(rb"\x0a\0\0\0.{4}KSLT|\0\0\0\x0a.{4}TLSK", re.DOTALL)
"""The beginning of a Decryption Secrets Block with a TLS key log, in either byte order."""


def holds_tls_keys(data: bytes) -> bool:
    """True where a part of a pcapng holds keys, such as `editcap --inject-secrets` writes."""
    return _TLS_SECRETS.search(data) is not None


def is_capture(start: bytes) -> bool:
    """True for the first four bytes of a pcap or pcapng."""
    return start[:MAGIC_LENGTH] == PCAPNG_MAGIC or start[:MAGIC_LENGTH] in _CLASSIC


def classic_format(start: bytes) -> Pcap | None:
    """Return the format of a classic pcap that starts with these bytes; None for anything else."""
    return _CLASSIC.get(start[:MAGIC_LENGTH])


class Records:
    """Cuts a classic pcap, arriving in any pieces, into whole packets; anything else passes through unchanged.

    A capture may be continued by an engine that writes another classic format: tcpdump counts microseconds, dumpcap
    nanoseconds since 4.4. Its packets are then rewritten in the format of the file header.
    """

    def __init__(self) -> None:
        self._rest = Remainder()
        self.packets = 0
        """How many whole packets came; 0 for bytes that pass through."""
        self._output_format: Pcap | None = None
        self._input_format: Pcap | None = None
        self._passes = False
        """True for bytes that are not a classic pcap, or no longer one."""
        self._header = b""
        self._expects_header = True

    @property
    def rest(self) -> bytes:
        """The beginning of an incomplete packet."""
        return bytes(self._rest.data)

    @property
    def header(self) -> bytes:
        """The file header; empty for bytes that pass through."""
        return b"" if self._passes else self._header

    def take(self, data: bytes) -> bytes:
        """Return the packets that these bytes complete, the first of them behind the file header.

        Raises:
            SpoolError: After `restart`: the bytes are not a classic pcap, or have another link type.
        """
        joined = self._rest.join(data)
        if joined is None:
            return b""
        if self._passes:
            return joined
        if not self._expects_header:
            return self._cut(joined, 0)
        if len(joined) < MAGIC_LENGTH or (joined[:MAGIC_LENGTH] in _CLASSIC and len(joined) < HEADER_LENGTH):
            self._rest.keep(joined, MAGIC_LENGTH)
            return b""
        return self._take_header(joined)

    def restart(self) -> None:
        """Expect another file header, as the capture is continued, and drop an incomplete packet."""
        self._rest.clear()
        self._expects_header = True

    def drop_rest(self) -> None:
        """Drop an incomplete packet."""
        self._rest.clear()

    def _take_header(self, data: bytes) -> bytes:
        self._expects_header = False
        self._input_format = classic_format(data)
        if self._header:
            self._check_continues(data[:HEADER_LENGTH])
            return self._cut(data[HEADER_LENGTH:], 0)
        if self._input_format is None:
            self._passes = True
            return data
        self._output_format, self._header = self._input_format, data[:HEADER_LENGTH]
        return self._cut(data, HEADER_LENGTH)

    def _check_continues(self, header: bytes) -> None:
        if self._input_format is None or _link_type(header) != _link_type(self._header):
            raise SpoolError(
                "The engine now writes another kind of capture than before, which does not fit into one file.",
                "Save this capture and start a new one.",
            )

    def _cut(self, data: bytes, start: int) -> bytes:
        """Return the whole packets of these bytes from `start` on, and keep the remainder."""
        form = self._input_format
        if form is None:
            return data
        length_at, header_length = form.captured_length.unpack_from, form.header_length
        size, begin, needed = len(data), start, header_length
        while size - start >= header_length:
            (length,) = length_at(data, start)
            if length > MAX_RECORD:
                self._passes = True
                return data
            if size - start < header_length + length:
                needed = header_length + length
                break
            start += header_length + length
            self.packets += 1
        self._rest.keep(data[start:], needed)
        if self._output_format in (None, form):
            return data[:start]
        return data[:begin] + self._rewritten(data, begin, start)

    def _rewritten(self, data: bytes, start: int, end: int) -> bytes:
        """Return the packets between two offsets in the output format."""
        source, target = self._input_format, self._output_format
        assert source is not None and target is not None, "both are known behind a second file header"  # noqa: S101,PT018
        padding, records = bytes(target.header_length - target.record_header.size), []
        while start < end:
            seconds, fraction, captured, original = source.record_header.unpack_from(data, start)
            start += source.header_length
            fraction = fraction * target.units // source.units
            records += [target.record_header.pack(seconds, fraction, captured, original), padding]
            records.append(data[start : start + captured])
            start += captured
        return b"".join(records)


def _link_type(header: bytes) -> int:
    """Return the last field of a file header."""
    form = classic_format(header) or Pcap.LITTLE
    (link_type,) = struct.unpack_from(f"{form.byte_order}I", header, HEADER_LENGTH - 4)
    return int(link_type)
