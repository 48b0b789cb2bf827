"""Builds TCP/IP packets from the bytes that the tap copies, and chooses the addresses that they carry."""

from __future__ import annotations

import ipaddress
import itertools
import os
import socket
import struct
from enum import IntFlag
from typing import Final, NamedTuple

from inspector.capture.source import Target
from inspector.model.frame import Endpoint, Side

_LOOPBACK: Final = "127.0.0.1"
_CLIENT_PORTS: Final = range(32768, 61000)
"""The ephemeral ports of Linux (ip_local_port_range), for connections over a Unix socket, which have none."""
_SERVICE_PORT: Final = 50051
"""For a service without a port: the one that gRPC's own examples use."""
_LOCAL_PEERPID: Final = 2
"""An option of SOL_LOCAL (0) on macOS and the BSDs, which Python's `socket` lacks."""


class Ends(NamedTuple):
    """The endpoints of a connection, as recorded."""

    client: Endpoint
    server: Endpoint


class RecordedAddresses:
    """Assigns recorded addresses to the connections of one tap."""

    def __init__(self, service: Target) -> None:
        self.own_ports: set[int] = set()
        """The client ports of connections that this process made over the Unix socket."""
        self._server = Endpoint(_LOOPBACK, service.port or _SERVICE_PORT)
        self._open: set[int] = {self._server.port}
        self._ports = itertools.cycle(_CLIENT_PORTS)

    def of(self, client: socket.socket, peer: tuple[str, int] | str) -> Ends:
        """Return the addresses of a connection, whose `accept` returned `peer`; free them with `release`."""
        if client.family != socket.AF_UNIX:
            return Ends(_endpoint(peer), _endpoint(client.getsockname()))
        port = next(port for port in self._ports if port not in self._open)
        self._open.add(port)
        if _peer_process(client) == os.getpid():
            self.own_ports.add(port)
        else:
            self.own_ports.discard(port)
        return Ends(Endpoint(_LOOPBACK, port), self._server)

    def release(self, ends: Ends) -> None:
        """Free the addresses of a connection that has ended; a port is used again after all others have been."""
        if ends.server is self._server:
            self._open.discard(ends.client.port)


def _endpoint(address: tuple[str, int] | str) -> Endpoint:
    """Convert a socket address, dropping an IPv6 scope; IPv4-mapped addresses become IPv4 (RFC 4291 §2.5.5.2)."""
    host, port = address[0].partition("%")[0], int(address[1])
    mapped = ipaddress.IPv6Address(host).ipv4_mapped if ":" in host else None
    return Endpoint(str(mapped or host), port)


def _peer_process(connection: socket.socket) -> int:
    """Return the id of the process that connected to a Unix socket; 0 where unknown, as in another container."""
    credentials = getattr(socket, "SO_PEERCRED", None)
    try:
        if credentials is not None:  # Linux: struct ucred, whose first field is the process
            return int(struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, credentials, 12))[0])
        return connection.getsockopt(0, _LOCAL_PEERPID)
    except OSError:
        return 0


PCAP_HEADER: Final = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
"""The file header of a classic pcap: microseconds, whole packets, Ethernet."""

MAX_SEGMENT: Final = 65483
"""Linux's own limit on loopback: with 20 + 20 bytes of headers it is below the 65,535 of an IPv4 total length."""

_WINDOW: Final = 65535
_SYN_OPTIONS: Final = struct.pack("!BBHBBBBBBBB", 2, 4, MAX_SEGMENT, 1, 1, 4, 2, 1, 3, 3, 7)
"""Maximum segment size, SACK permitted (tshark 4.4 notes a SYN without it), window scale 7: a window of 8 MiB, more
than a relay reads at once."""

_TIME_TO_LIVE: Final = 64
_TCP: Final = 6
_WRAP: Final = 1 << 32


class Flag(IntFlag):
    """TCP control bits (RFC 9293 §3.1)."""

    FIN = 0x01
    SYN = 0x02
    RST = 0x04
    PSH = 0x08
    ACK = 0x10


def checksum(data: bytes) -> int:
    """Compute the Internet checksum (RFC 1071): the one's complement of the one's complement sum of 16-bit words.

    2**16 is 1 modulo 65,535, so the sum of the words is the remainder of the whole as one large number. Of the two
    zeroes of one's complement the checksum is the one of 0 bits (RFC 1624 §3), as headers are never all zero.
    """
    even = data if len(data) % 2 == 0 else data + b"\0"
    return -int.from_bytes(even, "big") % 0xFFFF


class Flow:
    """One TCP connection as packets. Every method returns pcap records; `now` is in nanoseconds since the epoch."""

    def __init__(self, client: Endpoint, server: Endpoint, first_numbers: tuple[int, int] = (0, 0)) -> None:
        self._directions = {
            Side.CLIENT: _Direction(client, server),
            Side.SERVER: _Direction(server, client),
        }
        self._next = dict(zip((Side.CLIENT, Side.SERVER), first_numbers, strict=True))
        """The sequence number of the next byte that each side sends."""
        self._ended: set[Side] = set()
        self.over = False
        """True after a RST, or a FIN from both sides: nothing may follow."""

    def open(self, now: int) -> bytes:
        """Return the three packets of the handshake."""
        syn = self._packet(Side.CLIENT, Flag.SYN, now, options=_SYN_OPTIONS)
        self._advance(Side.CLIENT, 1)
        answer = self._packet(Side.SERVER, Flag.SYN | Flag.ACK, now, options=_SYN_OPTIONS)
        self._advance(Side.SERVER, 1)
        return syn + answer + self._packet(Side.CLIENT, Flag.ACK, now)

    def carry(self, side: Side, data: bytes, now: int) -> bytes:
        """Return data of one side, in as many segments as it needs, and the other side's acknowledgement."""
        if self.over or not data:
            return b""
        records = []
        for start in range(0, len(data), MAX_SEGMENT):
            part = data[start : start + MAX_SEGMENT]
            push = Flag.PSH if start + len(part) == len(data) else Flag(0)
            records.append(self._packet(side, Flag.ACK | push, now, part))
            self._advance(side, len(part))
        records.append(self._packet(side.other, Flag.ACK, now))
        return b"".join(records)

    def finish(self, side: Side, now: int) -> bytes:
        """Return the FIN of one side and its acknowledgement; the other side may go on sending."""
        if self.over or side in self._ended:
            return b""
        self._ended.add(side)
        fin = self._packet(side, Flag.FIN | Flag.ACK, now)
        self._advance(side, 1)
        self.over = len(self._ended) == 2
        return fin + self._packet(side.other, Flag.ACK, now)

    def reset(self, side: Side, now: int) -> bytes:
        """Return the RST of one side."""
        if self.over:
            return b""
        self.over = True
        return self._packet(side, Flag.RST | Flag.ACK, now)

    def _advance(self, side: Side, count: int) -> None:
        self._next[side] = (self._next[side] + count) % _WRAP

    def _packet(self, side: Side, flags: Flag, now: int, data: bytes = b"", options: bytes = b"") -> bytes:
        acknowledged = self._next[side.other] if flags & Flag.ACK else 0
        numbers = struct.pack("!II", self._next[side], acknowledged)
        packet = self._directions[side].packet(numbers, flags, options, data)
        seconds, rest = divmod(now, 1_000_000_000)
        return struct.pack("<IIII", seconds, rest // 1000, len(packet), len(packet)) + packet


class _Direction:
    """The headers of one direction of a connection, with their constant parts prepared."""

    def __init__(self, source: Endpoint, destination: Endpoint) -> None:
        addresses = [ipaddress.ip_address(end.host) for end in (source, destination)]
        self._addresses = b"".join(address.packed for address in addresses)
        self._ports = struct.pack("!HH", source.port, destination.port)
        self._is_ipv4 = addresses[0].version == 4
        self._ethernet = bytes(12) + (b"\x08\x00" if self._is_ipv4 else b"\x86\xdd")
        self._identification = 0

    def packet(self, numbers: bytes, flags: Flag, options: bytes, data: bytes) -> bytes:
        segment = self._segment(numbers, flags, options, data)
        header = self._ipv4(len(segment)) if self._is_ipv4 else self._ipv6(len(segment))
        return self._ethernet + header + segment

    def _segment(self, numbers: bytes, flags: Flag, options: bytes, data: bytes) -> bytes:
        offset = (20 + len(options)) << 2
        head = self._ports + numbers + struct.pack("!BBH", offset, flags, _WINDOW)
        tail = b"\0\0" + options + data
        pseudo = self._addresses + struct.pack("!II", len(head) + 2 + len(tail), _TCP)
        return head + struct.pack("!H", checksum(pseudo + head + b"\0\0" + tail)) + tail

    def _ipv4(self, length: int) -> bytes:
        self._identification = (self._identification + 1) % 0x10000
        do_not_fragment = 0x4000
        head = struct.pack("!BBHHHBB", 0x45, 0, 20 + length, self._identification, do_not_fragment, _TIME_TO_LIVE, _TCP)
        return head + struct.pack("!H", checksum(head + b"\0\0" + self._addresses)) + self._addresses

    def _ipv6(self, length: int) -> bytes:
        return struct.pack("!IHBB", 6 << 28, length, _TCP, _TIME_TO_LIVE) + self._addresses
