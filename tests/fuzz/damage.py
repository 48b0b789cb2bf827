"""Damage to real captures: by editcap and reordercap, by blind cuts, and record by record with our own hands."""

from __future__ import annotations

import gzip
import random
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, TypeAlias

from tests.captures import DATA, SHARED

HEADER, RECORD = 24, 16
_TCP: Final = 54
"""Bytes of a record's Ethernet, IPv4 and TCP headers without options: what is behind is nearly always HTTP/2."""

Damage: TypeAlias = Callable[[random.Random, list[bytes]], list[bytes]]


def split(raw: bytes) -> tuple[bytes, list[bytes]]:
    """A classic little-endian capture's header and its records."""
    found, at = [], HEADER
    while at < len(raw):
        end = at + RECORD + int.from_bytes(raw[at + 8 : at + 12], "little")
        found.append(raw[at:end])
        at = end
    return raw[:HEADER], found


def _record(record: bytes, packet: bytes) -> bytes:
    """The record with other bytes captured of its packet."""
    return record[:8] + len(packet).to_bytes(4, "little") + record[12:RECORD] + packet


def _change(chance: random.Random, part: bytes, probability: float) -> bytes:
    return bytes(chance.randrange(256) if chance.random() < probability else byte for byte in part)


def corrupt(chance: random.Random, records: list[bytes]) -> list[bytes]:
    """Bytes behind the TCP header changed."""
    at, odds = RECORD + _TCP, chance.choice((0.001, 0.01, 0.1))
    return [record[:at] + _change(chance, record[at:], odds) for record in records]


def corrupt_all(chance: random.Random, records: list[bytes]) -> list[bytes]:
    """Bytes of any header changed, too."""
    return [record[:RECORD] + _change(chance, record[RECORD:], 0.02) for record in records]


def flip_bits(chance: random.Random, records: list[bytes]) -> list[bytes]:
    """A bit in each packet, where frames have their lengths and header blocks their indices."""
    out = []
    for record in records:
        packet = bytearray(record[RECORD:])
        if len(packet) > _TCP + 12:
            packet[chance.randrange(_TCP + 12, min(len(packet), _TCP + 60))] ^= 1 << chance.randrange(8)
        out.append(record[:RECORD] + bytes(packet))
    return out


def drop(chance: random.Random, records: list[bytes]) -> list[bytes]:
    """Packets lost."""
    odds = chance.choice((0.02, 0.1, 0.4))
    return [record for record in records if chance.random() > odds]


def shuffle(chance: random.Random, records: list[bytes]) -> list[bytes]:
    """Neighbours exchanged, and some captured twice."""
    reach = chance.choice((2, 5, 500))
    order = sorted(range(len(records)), key=lambda at: at + chance.random() * reach)
    return [records[at] for at in order for _ in range(1 + (chance.random() < 0.1))]


def late(chance: random.Random, records: list[bytes]) -> list[bytes]:
    """Joined late, and lossy."""
    return drop(chance, records[chance.randrange(len(records) or 1) :])


def snap(chance: random.Random, records: list[bytes]) -> list[bytes]:
    """Packets cut to a length."""
    kept = chance.randrange(20, 300)
    return [_record(record, record[RECORD : RECORD + kept]) for record in records]


def lie(chance: random.Random, records: list[bytes]) -> list[bytes]:
    """Records that say other lengths and times than they have."""
    out = list(records)
    for _ in range(1 + len(out) // 50):
        if out:
            at = chance.randrange(len(out))
            out[at] = _change(chance, out[at][:RECORD], 0.2) + out[at][RECORD:]
    return out


def repeat(chance: random.Random, records: list[bytes]) -> list[bytes]:
    """The same packets many times over, as of a loop in a network."""
    start = chance.randrange(len(records) or 1)
    return records + records[start : start + 20] * chance.choice((2, 50))


BY_RECORD: Final[tuple[Damage, ...]] = (
    corrupt, corrupt_all, flip_bits, drop, shuffle, late, snap, lie, repeat,
)  # fmt: skip


def classic_captures() -> list[bytes]:
    """Every real capture that is at hand, as a classic pcap."""
    folders = [DATA, SHARED / "own", SHARED / "third-party"]
    paths = {path.name: path for folder in folders for path in folder.glob("*.pcap*")}
    return [classic for path in paths.values() if len(classic := _classic(path)) > HEADER]


def _classic(path: Path) -> bytes:
    try:
        return tool("editcap", ["-F", "pcap"], path.read_bytes(), suffix="".join(path.suffixes))
    except subprocess.CalledProcessError:  # several link types: editcap cannot make one pcap of them
        return b""


def tool(name: str, options: Iterable[str], raw: bytes, suffix: str = ".pcap") -> bytes:
    """What editcap or another of Wireshark's tools makes of a capture."""
    with tempfile.TemporaryDirectory() as folder:
        source, sink = Path(folder, f"in{suffix}"), Path(folder, "out")
        source.write_bytes(raw)
        subprocess.run([name, *options, source, sink], check=True, capture_output=True)
        return sink.read_bytes()


def damaged(chance: random.Random, classic: bytes) -> tuple[str, bytes]:
    """A capture with one to three damages, and what they are called."""
    names = []
    for _ in range(chance.choice((1, 1, 2, 3))):
        damage = chance.choice((*BY_RECORD, None, None))
        if damage is None:
            options = _editcap_options(chance)
            names.append(" ".join(options))
            try:
                classic = tool("editcap", options, classic)
            except subprocess.CalledProcessError:
                continue  # the damage before was too much for it
        else:
            names.append(damage.__name__)
            header, records = split(classic)
            classic = header + b"".join(damage(chance, records))
    packed, raw = _packed(chance, classic)
    return ", ".join((*names, packed)), raw


def _editcap_options(chance: random.Random) -> list[str]:
    errors = ["-E", chance.choice(("0.0005", "0.01", "0.2")), "--seed", str(chance.randrange(1 << 30))]
    skipped = ["-o", chance.choice(("0", "14", "54", "66"))]
    more: list[list[str]] = [
        [*errors, *skipped],
        [*errors, *skipped],
        ["-s", str(chance.randrange(1, 400))],
        ["-C", str(chance.randrange(-40, 40)), *chance.choice(([], ["-L"]))],
        ["-T", chance.choice(("ether", "rawip", "linux-sll", "null"))],
        ["-S", chance.choice(("-0", "-100", "-0.000001"))],
    ]
    return ["-F", "pcap", *chance.choice(more)]


def _packed(chance: random.Random, classic: bytes) -> tuple[str, bytes]:
    """As it is, as pcapng or gzipped; cut and overwritten blindly at times."""
    name = chance.choice(("pcap", "pcapng", "gzip", "cut", "overwritten"))
    if name == "pcapng":
        try:
            return name, tool("editcap", ["-F", "pcapng"], classic)
        except subprocess.CalledProcessError:
            return "pcap", classic
    if name == "gzip":
        raw = gzip.compress(classic, 1)
        return name, raw[: chance.randrange(len(raw) // 2, len(raw) + 1)]
    if name == "cut":
        return name, classic[: chance.randrange(len(classic) + 1)]
    if name == "overwritten":
        return name, _change(chance, classic, 0.002)
    return name, classic
