"""The packets of one connection: who sent each, and how many bytes TCP carried in it."""

from __future__ import annotations

from typing import NamedTuple


class Segment(NamedTuple):
    """One packet."""

    number: int
    port: int
    """The sender's."""
    length: int
    """Bytes that TCP carried; 0 for a mere acknowledgement."""


def segment_arguments(connection: int) -> list[str]:
    """Tshark's options for the packets of a connection, a line each."""
    fields = ("frame.number", "tcp.srcport", "tcp.len")
    return ["-Y", f"tcp.stream == {connection}", "-T", "fields", *(word for name in fields for word in ("-e", name))]


def read_segment(line: bytes) -> Segment:
    """What such a line says; where TCP lies in TCP, the innermost counts."""
    number, port, length = (int(cell.rpartition(b",")[2] or 0) for cell in line.strip(b"\r\n").split(b"\t"))
    return Segment(number, port, length)
