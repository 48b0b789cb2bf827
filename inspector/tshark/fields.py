"""The fields that tshark prints for each packet; no other module names them.

With `-T fields -e …` a packet is one line, in which its HTTP/2 frames share parallel arrays. A fifth of what `-T ek`
costs tshark is the writing of JSON. `LineReader` parses a line to `Layers`, from which `packets` makes the model's
values.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final, NamedTuple

_SEPARATOR: Final = "\x1e"
JOINT: Final = "\x1f"
"""Between a field's entries. Only the names and values of unusual headers can contain these two characters."""
FORMAT: Final = ("-T", "fields", "-E", f"separator={_SEPARATOR}", "-E", f"aggregator={JOINT}", "-E", "occurrence=a")
"""tshark's options for this format."""

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
"""By attribute of `Layers`: tshark's name of the field."""

UNKNOWN_NAME: Final = "<unknown>"
"""What tshark prints as the name of a header whose HPACK entry it never saw."""


class Layers(NamedTuple):
    """One packet's fields as tshark printed them: the entries of each in wire order, joined by `JOINT`.

    A field that the packet lacks is empty. `types`, `flags`, `streams` and `lengths` have one entry per frame, every
    other HTTP/2 field one per frame that has it. For IP within IP, the innermost comes last.
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
    """Parses lines of tshark's output, which lacks the `refused` fields."""

    def __init__(self, refused: Container[str] = ()) -> None:
        self._attributes = [attribute for attribute, name in FIELDS.items() if name not in refused]
        self._has_all = len(self._attributes) == len(FIELDS)
        self._headers_at = self._attributes.index("header_names") if "header_names" in self._attributes else 0

    def read(self, line: bytes) -> Layers:
        """Parse one line; bytes that are not UTF-8 become U+FFFD.

        Raises:
            ValueError: The line is incomplete, as when tshark was killed in the middle of it.
        """
        cells = line.decode(errors="replace").split(_SEPARATOR)
        if extra := len(cells) - len(self._attributes):
            if extra < 0:
                raise ValueError(line)
            # Only names and values of headers can contain the separator. Emptied, they are read from the header block.
            cells[self._headers_at : self._headers_at + extra + 2] = ("", "")
        return Layers._make(cells) if self._has_all else Layers(**dict(zip(self._attributes, cells, strict=True)))


def entries(field: str) -> list[str]:
    """Split a field into its entries."""
    return field.split(JOINT) if field else []


def last(field: str) -> str:
    """Return the last entry of a field, which for addresses is the innermost one."""
    return field[field.rfind(JOINT) + 1 :]
