"""What tshark is asked for each packet: the only module that knows the names of its fields.

With `-T fields -e …` a packet is one line, in which all its HTTP/2 frames share parallel arrays: a fifth of what
`-T ek` costs tshark is writing JSON. `Layers` is that line; `capture.packets` makes the model's values from it. Called
by the parser of tshark's output.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final, NamedTuple

_SEPARATOR: Final = "\x1e"
JOINT: Final = "\x1f"
"""Between a field's entries. Neither occurs in what tshark prints but in the names and values of strange headers."""
FORMAT: Final = ("-T", "fields", "-E", f"separator={_SEPARATOR}", "-E", f"aggregator={JOINT}", "-E", "occurrence=a")
"""tshark's options for such lines."""

FIELDS: Final = {
    "number": "frame.number",
    "time": "frame.time_epoch",
    "length": "frame.len",
    "captured": "frame.cap_len",
    "ip_protocol": "ip.proto",
    "ip_source": "ip.src",
    "ip_destination": "ip.dst",
    "ipv6_source": "ipv6.src",
    "ipv6_destination": "ipv6.dst",
    "connection": "tcp.stream",
    "source_port": "tcp.srcport",
    "destination_port": "tcp.dstport",
    "tcp_flags": "tcp.flags",
    "payload": "tcp.len",
    "lost_segment": "tcp.analysis.lost_segment",
    "out_of_order": "tcp.analysis.out_of_order",
    "repeated": "tcp.analysis.retransmission",
    "preface": "http2.magic",
    "types": "http2.type",
    "flags": "http2.flags",
    "streams": "http2.streamid",
    "lengths": "http2.length",
    "pad_lengths": "http2.padding",
    "data": "http2.data.data",
    "blocks": "http2.headers",
    "promise_blocks": "http2.push_promise.header",
    "header_counts": "http2.header.count",
    "header_names": "http2.header.name",
    "header_values": "http2.header.value",
    "exclusive": "http2.exclusive",
    "dependencies": "http2.stream_dependency",
    "weights": "http2.headers.weight_real",
    "rst_errors": "http2.rst_stream.error",
    "setting_ids": "http2.settings.id",
    "setting_1": "http2.settings.header_table_size",
    "setting_2": "http2.settings.enable_push",
    "setting_3": "http2.settings.max_concurrent_streams",
    "setting_4": "http2.settings.initial_window_size",
    "setting_5": "http2.settings.max_frame_size",
    "setting_6": "http2.settings.max_header_list_size",
    "setting_8": "http2.settings.extended_connect",
    "setting_unknown": "http2.settings.unknown",
    "promised_streams": "http2.push_promise.promised_stream_id",
    "pings": "http2.ping",
    "pongs": "http2.pong",
    "goaway_last_streams": "http2.goaway.last_stream_id",
    "goaway_errors": "http2.goaway.error",
    "goaway_debug": "http2.goaway.addata",
    "increments": "http2.window_update.window_size_increment",
    "malformed": "_ws.malformed",
}
"""The name of each attribute of `Layers`, and tshark's field for it."""

UNKNOWN_NAME: Final = "<unknown>"
"""What tshark gives as the name of a header whose HPACK entry it never saw."""


class Layers(NamedTuple):
    """One packet's fields as tshark printed them: the entries of each in the order of the wire, joined by `JOINT`.

    A field that the packet lacks is empty. `types`, `flags`, `streams` and `lengths` have one entry per frame, every
    other HTTP/2 field one per frame that has it. Where IP lies in IP, the innermost comes last.
    """

    number: str = ""
    time: str = ""
    length: str = ""
    captured: str = ""
    ip_protocol: str = ""
    ip_source: str = ""
    ip_destination: str = ""
    ipv6_source: str = ""
    ipv6_destination: str = ""
    connection: str = ""
    source_port: str = ""
    destination_port: str = ""
    tcp_flags: str = ""
    payload: str = ""
    lost_segment: str = ""
    out_of_order: str = ""
    repeated: str = ""
    preface: str = ""
    types: str = ""
    flags: str = ""
    streams: str = ""
    lengths: str = ""
    pad_lengths: str = ""
    data: str = ""
    blocks: str = ""
    promise_blocks: str = ""
    header_counts: str = ""
    header_names: str = ""
    header_values: str = ""
    exclusive: str = ""
    dependencies: str = ""
    weights: str = ""
    rst_errors: str = ""
    setting_ids: str = ""
    setting_1: str = ""
    setting_2: str = ""
    setting_3: str = ""
    setting_4: str = ""
    setting_5: str = ""
    setting_6: str = ""
    setting_8: str = ""
    setting_unknown: str = ""
    promised_streams: str = ""
    pings: str = ""
    pongs: str = ""
    goaway_last_streams: str = ""
    goaway_errors: str = ""
    goaway_debug: str = ""
    increments: str = ""
    malformed: str = ""


class LineReader:
    """Reads lines of tshark's output; `refused` are fields that this tshark was not asked for."""

    def __init__(self, refused: Container[str] = ()) -> None:
        self._asked = [attribute for attribute, name in FIELDS.items() if name not in refused]
        self._has_all = len(self._asked) == len(FIELDS)
        self._headers = self._asked.index("header_names") if "header_names" in self._asked else 0

    def read(self, line: bytes) -> Layers:
        """The fields of one line. Bytes that are no UTF-8 become U+FFFD.

        Raises:
            ValueError: the line is not what tshark prints, as when tshark was killed in the middle of it.
        """
        cells = line.decode(errors="replace").split(_SEPARATOR)
        if more := len(cells) - len(self._asked):
            if more < 0:
                raise ValueError(line)
            # Only names and values of headers can hold the separator; without theirs, they are read from the block.
            cells[self._headers : self._headers + more + 2] = ("", "")
        return Layers._make(cells) if self._has_all else Layers(**dict(zip(self._asked, cells, strict=True)))


def entries(field: str) -> list[str]:
    """The entries of a field."""
    return field.split(JOINT) if field else []


def last(field: str) -> str:
    """The last entry of a field; of addresses that is the innermost one."""
    return field[field.rfind(JOINT) + 1 :]
