"""Captures to measure with: real traffic of all four kinds of call, and as many copies of it as a large one needs."""

from __future__ import annotations

import asyncio
import struct
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from tests.bench.traffic import Client, ended, greet_service

CONNECTIONS: Final = 4
ROUNDS: Final = 500
"""Of each client: in each it makes every call once."""
_FIRST_PORT: Final = 61_000
"""Of the clients of copies: behind those that Linux gives away, and none that tshark knows another protocol of."""
_FILE_HEADER, _RECORD_HEADER = 24, struct.Struct("<IIII")
_PORTS: Final = struct.Struct(">HH")


class Recording(NamedTuple):
    """Real traffic."""

    capture: Path
    port: int
    """The service's."""
    packets: int

    def repeated_packets(self, least: int) -> int:
        """The packets of as many whole copies as make up so many."""
        return -(-least // self.packets) * self.packets

    @contextmanager
    def repeated(self, least: int) -> Iterator[Path]:
        """A capture of so many packets, as long as it is needed."""
        large = self.capture.with_name(f"{least}.pcap")
        repeat(self.capture, self.repeated_packets(least) // self.packets, self.port, large)
        try:
            yield large
        finally:
            large.unlink()

    def cut(self, packets: int, small: Path) -> None:
        """Write so many of its packets."""
        with small.open("wb") as out:
            out.write(self.capture.read_bytes()[:_FILE_HEADER])
            for time, packet in islice(packets_of(self.capture), packets):
                header = _RECORD_HEADER.pack(time // 1_000_000, time % 1_000_000, len(packet), len(packet))
                out.write(header + packet)


async def record(capture: Path, rounds: int = ROUNDS) -> Recording:
    """Record calls of several clients at once; SystemExit where tcpdump may not capture."""
    async with greet_service() as port:
        options = ("-i", "lo", "-s", "0", "-B", "65536", "-U", "-Z", "root")
        argv = ("tcpdump", *options, "-w", str(capture), f"tcp port {port}")
        tcpdump = await asyncio.create_subprocess_exec(*argv, stdin=DEVNULL, stderr=PIPE)
        assert tcpdump.stderr is not None
        said = b""
        while b"listening on" not in said:
            before, said = said, await tcpdump.stderr.readline()
            if not said:
                raise SystemExit(f"This records with tcpdump, as root. {before.decode().strip()}")
        clients = [Client(port) for _ in range(CONNECTIONS)]
        await asyncio.gather(*(client.call_all_kinds(rounds) for client in clients))
        for client in clients:
            await client.close()
        await ended(tcpdump)
        return Recording(capture, port, sum(1 for _ in packets_of(capture)))


def repeat(capture: Path, copies: int, port: int, large: Path) -> None:
    """Write so many copies of an Ethernet capture of IPv4, one behind the other: each as connections of its own."""
    header, packets = capture.read_bytes()[:_FILE_HEADER], list(packets_of(capture))
    clients = sorted({each for _, packet in packets for each in _PORTS.unpack_from(packet, _tcp(packet))} - {port})
    length = packets[-1][0] - packets[0][0] + 1_000_000
    with large.open("wb") as out:
        out.write(header)
        for copy in range(copies):
            first = _FIRST_PORT + copy * len(clients)
            ports = {port: port} | {client: first + number for number, client in enumerate(clients)}
            for time, packet in packets:
                at, when = _tcp(packet), time + copy * length
                source, destination = _PORTS.unpack_from(packet, at)
                _PORTS.pack_into(packet, at, ports[source], ports[destination])
                out.write(_RECORD_HEADER.pack(when // 1_000_000, when % 1_000_000, len(packet), len(packet)) + packet)
                _PORTS.pack_into(packet, at, source, destination)


def packets_of(capture: Path) -> Iterator[tuple[int, bytearray]]:
    """The packets with their times in microseconds."""
    data, at = capture.read_bytes(), _FILE_HEADER
    while at < len(data):
        seconds, micros, length, _ = _RECORD_HEADER.unpack_from(data, at)
        at += _RECORD_HEADER.size
        yield seconds * 1_000_000 + micros, bytearray(data[at : at + length])
        at += length


def _tcp(packet: bytearray) -> int:
    """Where the TCP header begins, behind Ethernet and IPv4."""
    return 14 + 4 * (packet[14] & 0x0F)
