"""The bytes that two ends of a TCP connection sent each other, as tshark puts them in order (`-z follow,tcp,yaml`).

Pure: lines in, values out. Bounded: of a stream that goes on for gigabytes only the beginning is kept.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable
from typing import Final, NamedTuple

MOST_KEPT: Final = 1 << 24
"""Bytes of one stream."""


class Stretch(NamedTuple):
    """Bytes that came one after the other from one side."""

    packet: int
    time: float
    """Seconds since the epoch."""
    peer: int
    """0 for the one that opened the connection, as far as is known; 1 for the other."""
    data: bytes


class TcpStream(NamedTuple):
    """What is known of one stream."""

    number: int
    peers: tuple[str, ...]
    """Address and port of both; empty where the capture has no such stream."""
    stretches: tuple[Stretch, ...]
    is_cut: bool
    """True when there is more than is kept."""

    @property
    def sizes(self) -> tuple[int, int]:
        """How many bytes each of the two sent, as far as they are kept."""
        first = sum(len(each.data) for each in self.stretches if each.peer == 0)
        return first, sum(len(each.data) for each in self.stretches) - first


class TcpFollow:
    """Takes tshark's lines; `stream` has what they said."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._hosts: list[str] = []
        self._ports: list[str] = []
        self._stretches: list[Stretch] = []
        self._packet, self._peer, self._time = 0, 0, 0.0
        self._data: list[bytes] = []
        self._kept = 0
        self._is_cut = False

    @property
    def stream(self) -> TcpStream:
        """The stream as far as it was told."""
        self._end_stretch()
        peers = tuple(
            f"{_bracketed(host)}:{port}" for host, port in zip(self._hosts, self._ports, strict=False) if host
        )
        return TcpStream(self._number, peers, tuple(self._stretches), self._is_cut)

    def take(self, lines: Iterable[bytes]) -> None:
        """Take in what tshark printed."""
        for line in lines:
            self._take_line(line.strip())

    def _take_line(self, line: bytes) -> None:
        key, found, value = line.partition(b": ")
        match key if found else b"":
            case b"- packet":
                self._end_stretch()
                self._packet = int(value)
            case b"peer":
                self._peer = int(value)
            case b"timestamp":
                self._time = float(value)
            case b"host":
                self._hosts.append(value.decode(errors="replace"))
            case b"port":
                self._ports.append(value.decode(errors="replace"))
            case b"" if line and not line.endswith(b":") and self._packet:
                self._take_data(line)

    def _take_data(self, line: bytes) -> None:
        if self._kept >= MOST_KEPT:
            self._is_cut = True
            return
        try:
            data = binascii.a2b_base64(line)
        except binascii.Error:
            return
        self._data.append(data)
        self._kept += len(data)

    def _end_stretch(self) -> None:
        if self._data:
            self._stretches.append(Stretch(self._packet, self._time, self._peer, b"".join(self._data)))
            self._data = []


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
