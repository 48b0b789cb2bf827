"""What a row of the Packets list says: Wireshark's own words, made safe to look at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from inspector.capture.packet_list import PacketLine
from inspector.views.spans import Span, Tone
from inspector.views.text import clean
from inspector.views.times import Times, TimeStyle, delta

_AMISS: Final = re.compile(r"\[TCP (?!Window Update|Keep-Alive|segment of)[^\]]*\]|\[Malformed|\[RST")
_PLAIN_TCP: Final = "TCP"


@dataclass(frozen=True, slots=True)
class PacketRow:
    """A row of the Packets list."""

    number: int
    time: str
    source: str
    destination: str
    protocol: Span
    length: int
    info: tuple[Span, ...]
    delta: str
    """Seconds since the packet of the row before; empty in the first row."""


def packet_row(line: PacketLine, times: Times, previous: float | None = None) -> PacketRow:
    """The row of a packet; `previous` is the time of the row before, where there is one."""
    tone = Tone.WARN if _AMISS.search(line.info) else Tone.DIM if line.protocol == _PLAIN_TCP else Tone.PLAIN
    return PacketRow(
        line.number,
        times.show(line.time, previous=previous if times.style is TimeStyle.PREVIOUS else None),
        clean(line.source),
        clean(line.destination),
        Span(clean(line.protocol), Tone.DIM if tone is Tone.DIM else Tone.KEYWORD),
        line.length,
        (Span(clean(line.info), tone),),
        "" if previous is None else delta(line.time - previous),
    )


def packet_text(row: PacketRow) -> str:
    """A row as a line of text."""
    ends = f"{row.source:>15} → {row.destination:<15}"
    info = "".join(span.text for span in row.info)
    return f"{row.number:>7}  {row.time:>12}  {ends}  {row.protocol.text:<9}  {row.length:>6}  {info}"
