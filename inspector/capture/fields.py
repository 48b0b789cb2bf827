"""What tshark is asked for each packet: the only module that knows the names of its fields.

With `-T ek -e …` a packet is one JSON line, in which all its HTTP/2 frames share parallel arrays. `Layers` is that
line, typed; `capture.packets` makes the model's values from it. Called by the parser of tshark's output.
"""

from __future__ import annotations

from typing import Final

import msgspec

Strings = tuple[str, ...]

FIELDS: Final = {
    "number": "frame.number",
    "time": "frame.time_epoch",
    "length": "frame.len",
    "ip_source": "ip.src",
    "ip_destination": "ip.dst",
    "ipv6_source": "ipv6.src",
    "ipv6_destination": "ipv6.dst",
    "connection": "tcp.stream",
    "source_port": "tcp.srcport",
    "destination_port": "tcp.dstport",
    "tcp_flags": "tcp.flags",
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


class Layers(msgspec.Struct, frozen=True, gc=False, rename={a: f.replace(".", "_") for a, f in FIELDS.items()}):
    """One packet's fields as tshark printed them, in the order of the wire; a field that the packet lacks is empty.

    `types`, `flags`, `streams` and `lengths` have one entry per frame, every other HTTP/2 field one per frame that
    has it. Where IP lies in IP, the innermost comes last.
    """

    number: Strings = ()
    time: Strings = ()
    length: Strings = ()
    ip_source: Strings = ()
    ip_destination: Strings = ()
    ipv6_source: Strings = ()
    ipv6_destination: Strings = ()
    connection: Strings = ()
    source_port: Strings = ()
    destination_port: Strings = ()
    tcp_flags: Strings = ()
    lost_segment: Strings = ()
    out_of_order: Strings = ()
    repeated: Strings = ()
    preface: Strings = ()
    types: Strings = ()
    flags: Strings = ()
    streams: Strings = ()
    lengths: Strings = ()
    pad_lengths: Strings = ()
    data: Strings = ()
    blocks: Strings = ()
    promise_blocks: Strings = ()
    header_counts: Strings = ()
    header_names: Strings = ()
    header_values: Strings = ()
    exclusive: Strings = ()
    dependencies: Strings = ()
    weights: Strings = ()
    rst_errors: Strings = ()
    setting_ids: Strings = ()
    setting_1: Strings = ()
    setting_2: Strings = ()
    setting_3: Strings = ()
    setting_4: Strings = ()
    setting_5: Strings = ()
    setting_6: Strings = ()
    setting_8: Strings = ()
    setting_unknown: Strings = ()
    promised_streams: Strings = ()
    pings: Strings = ()
    pongs: Strings = ()
    goaway_last_streams: Strings = ()
    goaway_errors: Strings = ()
    goaway_debug: Strings = ()
    increments: Strings = ()
    malformed: Strings = ()


class Line(msgspec.Struct, frozen=True, gc=False):
    """A line of `-T ek`: a packet, or the index line before it, which has no layers."""

    layers: Layers | None = None


_decoder: Final = msgspec.json.Decoder(Line)


def read_line(line: bytes) -> Layers | None:
    """The fields of one line; None for lines that are no packet. Bytes that are no UTF-8 become U+FFFD.

    Raises:
        ValueError: the line is not what tshark prints, as when tshark was killed in the middle of it.
    """
    return _decoder.decode(line).layers
