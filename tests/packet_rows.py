"""A capture as tshark reads it, with whatever it has to say against a packet."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

CHECKS = ("tcp.check_checksum:TRUE", "ip.check_checksum:TRUE", "tcp.relative_sequence_numbers:FALSE")
SYN, ACK, PSH, FIN, RST = 2, 16, 8, 1, 4
GOOD = "1"


class Row(NamedTuple):
    """A packet as tshark reads it."""

    source: int
    flags: int
    stream: int
    payload: bytes
    complaints: str


def tshark(capture: bytes, path: Path) -> list[Row]:
    path.write_bytes(capture)
    fields = ["tcp.srcport", "tcp.flags", "tcp.stream", "tcp.payload", "tcp.checksum.status", "ip.checksum.status"]
    said = ["tcp.analysis.flags", "_ws.malformed", "_ws.expert.message"]
    options = [word for check in CHECKS for word in ("-o", check)]
    options += [word for field in fields + said for word in ("-e", field)]
    return [row(line.split("\t")) for line in run_tshark(path, "-T", "fields", *options).splitlines()]


def run_tshark(path: Path, *options: str) -> str:
    done = subprocess.run(["tshark", "-r", str(path), *options], capture_output=True, text=True, check=True)
    return done.stdout


def row(cells: list[str]) -> Row:
    source, flags, stream, payload, tcp_sum, ip_sum, analysis, malformed, expert = cells
    usual = all("onnection" in message for message in expert.split(",") if message)  # establish, finish, reset
    sums = (tcp_sum, ip_sum or GOOD) == (GOOD, GOOD)
    complaints = "" if usual and sums and not analysis + malformed else "\t".join(cells[4:])
    return Row(int(source), int(flags, 16), int(stream), bytes.fromhex(payload), complaints)


def sent(rows: list[Row], port: int) -> bytes:
    return b"".join(row.payload for row in rows if row.source == port)


def complaints(rows: list[Row]) -> list[str]:
    return [row.complaints for row in rows if row.complaints]
