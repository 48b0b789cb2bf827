"""Connections whose peers mean harm: valid TCP, and in it whatever a decoder may trip over.

Each scene is a few frames; a case is some scenes on one connection, cut into packets anywhere, at times joined late.
"""

from __future__ import annotations

import gzip
import random
import struct
import zlib
from collections.abc import Callable
from typing import Final, TypeAlias

from hpack import Encoder

from inspector.capture.engines.tap_packets import PCAP_HEADER, Flow
from inspector.model.frame import Endpoint, FrameType, Side
from tests.wire import PREFACE

CLIENT, SERVER = Endpoint("127.0.0.1", 41234), Endpoint("127.0.0.1", 50051)
_LONGEST: Final = 0x7FFFFFFF
_TEXTS: Final = (
    b"", b"\x1b[2J\x1b]52;c;aGk=\x07", b"[/bold][@click=app.quit]x[/]", "日本\u202e".encode(), b"\xff\xfe\x00",
    b"a" * 5000, b"\r\nSet-Cookie: x", b"-1", b"99999999999999999999", b"%e3%81%zz%", b"%00%1b[31m",
)  # fmt: skip

Scene: TypeAlias = Callable[[random.Random], list[tuple[Side, bytes]]]


def frame(kind: int, stream: int, payload: bytes = b"", flags: int = 0, length: int | None = None) -> bytes:
    """Any frame at all; `length` lies where it is given."""
    size = len(payload) if length is None else length
    return struct.pack("!I", size & 0xFFFFFF)[1:] + struct.pack("!BBI", kind, flags, stream) + payload


def integer(value: int, bits: int, first: int) -> bytes:
    """An HPACK integer (RFC 7541 §5.1), however large."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    out, value = [first | most], value - most
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def literal(name: bytes, value: bytes, first: int = 0x40, huffman: int = 0) -> bytes:
    """A header with a name of its own, not Huffman-coded unless its bytes are said to be."""
    return bytes([first]) + b"".join(integer(len(each), 7, huffman) + each for each in (name, value))


def _request(stream: int, path: bytes = b"/HelloWorld/greet", *more: tuple[bytes, bytes]) -> bytes:
    first = ((b":method", b"POST"), (b":scheme", b"http"), (b":path", path), (b"content-type", b"application/grpc"))
    encoder = Encoder()
    encoder.header_table_size = 0  # nothing in the table: any other block may stand before it
    return frame(FrameType.HEADERS, stream, encoder.encode([*first, *more], huffman=False), 4)


def _message(body: bytes, flag: int = 0, length: int | None = None) -> bytes:
    return struct.pack("!BI", flag, len(body) if length is None else length) + body


def _call(chance: random.Random) -> list[tuple[Side, bytes]]:
    """A call like any other, but for a text from the wire."""
    stream, text = chance.randrange(1, 99, 2), chance.choice(_TEXTS)
    reply = literal(b":status", b"200") + literal(b"content-type", b"application/grpc") + literal(b"x-bin", text)
    end = literal(b"grpc-status", chance.choice((b"0", b"5", text))) + literal(b"grpc-message", text)
    return [
        (Side.CLIENT, _request(stream, b"/" + text, (b"x", text)) + frame(0, stream, _message(text), 1)),
        (Side.SERVER, frame(1, stream, reply, 4) + frame(0, stream, _message(text)) + frame(1, stream, end, 5)),
    ]


def _header_blocks(chance: random.Random) -> list[tuple[Side, bytes]]:
    blocks = (
        integer(1 << chance.randrange(8, 200), 7, 0x80),
        b"\xff" * 5000,
        integer(chance.choice((0, 1 << 31, 1 << 60)), 5, 0x20) * 50,
        b"\x80",
        literal(b"", b""),
        literal(b"", b"x" * 60_000) * 4,
        b"\x40" + integer(1 << 30, 7, 0) + b"short",
        literal(b"x", bytes(60_000), huffman=0x80),
        literal(b"x", b"\xff" * 3000, huffman=0x80),
        literal(b"a", b"v" * 4000) + b"\xbe" * 12_000,
        b"".join(literal(b"n%d" % n, b"") for n in range(2000)),
        b"".join(integer(n, 7, 0x80) for n in range(62, 2000)),
        chance.randbytes(chance.randrange(3000)),
    )
    side, stream = chance.choice(list(Side)), chance.randrange(0, 9)
    kind = chance.choice((FrameType.HEADERS, FrameType.HEADERS, FrameType.PUSH_PROMISE, FrameType.CONTINUATION))
    return [(side, frame(kind, stream, chance.choice(blocks), chance.choice((4, 5, 0, 0x0C, 0x2D))))]


def _header_bomb(chance: random.Random) -> list[tuple[Side, bytes]]:
    """One long value, and block after block that names it ten thousand times."""
    bomb = literal(b"a", b"v" * 3900)
    blocks = [frame(1, 1, bomb, 4), *(frame(1, 1 + 2 * n, b"\xbe" * 10_000, 4) for n in range(1, 20))]
    return [(Side.CLIENT, each) for each in blocks]


def _continuations(chance: random.Random) -> list[tuple[Side, bytes]]:
    """A block that never ends, or that others interrupt."""
    pieces = [frame(1, 1, literal(b"a", b"b" * 100), 0)]
    pieces += [frame(9, chance.choice((1, 1, 1, 3, 0)), literal(b"n%d" % n, b"v" * 50), 0) for n in range(400)]
    if chance.random() < 0.5:
        pieces.insert(chance.randrange(len(pieces)), frame(0, 1, _message(b"hi")))
    return [(Side.CLIENT, b"".join(pieces) + frame(9, 1, b"", chance.choice((0, 4))))]


def _tiny_frames(chance: random.Random) -> list[tuple[Side, bytes]]:
    kind = chance.choice((0, 0, 2, 3, 4, 6, 8, 9, 0xEE))
    pieces = [frame(kind, chance.choice((0, 1, 3)), chance.choice((b"", b"\0"))) for _ in range(8)]
    return [(chance.choice(list(Side)), _request(1) + b"".join(pieces) * chance.choice((10, 500, 2500)))]


def _many_streams(chance: random.Random) -> list[tuple[Side, bytes]]:
    step = chance.choice((2, 1 << 17, -2))
    start = 1 if step > 0 else _LONGEST
    return [(Side.CLIENT, b"".join(_request((start + step * n) & 0xFFFFFFFF) for n in range(2000)))]


def _bombs(chance: random.Random) -> list[tuple[Side, bytes]]:
    """Compressed messages that are large, broken, or something else than they say."""
    large = gzip.compress(bytes(100 << 20), 9)
    bodies = (large, large[:-9], zlib.compress(bytes(100 << 20)), gzip.compress(large), b"\x1f\x8b\x08", b"", b"plain")
    encoding = chance.choice((b"gzip", b"deflate", b"zstd", b"identity", b"br", b""))
    pieces = [_request(1, b"/a.B/C", (b"grpc-encoding", encoding)), frame(0, 1, _message(chance.choice(bodies), 1), 1)]
    return [(Side.CLIENT, b"".join(pieces))]


def _lengths(chance: random.Random) -> list[tuple[Side, bytes]]:
    """Prefixes, frames and padding that say what is not so."""
    said = chance.choice((0, 1, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF))
    payload = chance.choice((_message(b"abc", chance.choice((0, 1, 2, 0x80, 0xFF)), said), b"", b"\xff" * 9))
    flags = chance.choice((0, 1, 8, 9))
    length = chance.choice((None, None, 0, len(payload) + 1, 1 << 14, (1 << 24) - 1))
    return [(chance.choice(list(Side)), _request(1) + frame(0, 1, payload, flags, length))]


def _control(chance: random.Random) -> list[tuple[Side, bytes]]:
    pieces = (
        frame(4, 0, struct.pack("!HI", chance.randrange(1 << 16), chance.randrange(1 << 32)) * 2000),
        frame(4, chance.randrange(3), chance.randbytes(7)),
        frame(7, 0, struct.pack("!II", _LONGEST, chance.randrange(20)) + chance.choice(_TEXTS)),
        frame(7, 0, b"\0"),
        frame(8, chance.randrange(3), struct.pack("!I", chance.choice((0, _LONGEST, 0xFFFFFFFF)))) * 100,
        frame(3, chance.randrange(5), struct.pack("!I", chance.randrange(1 << 32))),
        frame(5, 1, struct.pack("!I", 2) + literal(b":path", b"/pushed"), chance.choice((0, 4, 8))),
        frame(2, 1, struct.pack("!IB", 0x80000001, 255)),
        frame(10, 0, chance.randbytes(30)),
        frame(16, 0, chance.randbytes(30)),
        frame(chance.randrange(256), chance.randrange(1 << 32), chance.randbytes(50), chance.randrange(256)),
    )
    return [(chance.choice(list(Side)), each) for each in chance.sample(pieces, 4)]


def _payloads(chance: random.Random) -> list[tuple[Side, bytes]]:
    """Messages that are hard to read: nested a thousand deep, numbers without end, text for terminals."""
    nested = b""
    for _ in range(1000):
        nested = b"\x0a" + integer(len(nested), 7, 0)[:1] + nested[:120]
    bodies = (
        nested, b"\x0b" * 5000, b"\x08" + b"\xff" * 500, b"[" * 50_000, b'{"a":' * 5000, b"1" * 50_000, b"\x1b[2J" * 50,
        b'{"a": 1e999999999, "b": NaN, "\\ud800": "\\udfff"}', chance.randbytes(2000), b"\x0a\xff\xff\xff\xff\x0f",
        b"".join(b"\x08\x01" for _ in range(20_000)),
    )  # fmt: skip
    paths = (
        b"/HelloWorld/greet", b"/peers.Peers/Unary", b"/grpc.health.v1.Health/Check",
        b"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", b"/", b"*", b"/a.B/C/D",
    )  # fmt: skip
    suffix = chance.choice((b"", b"+json", b"+proto", b"-web", b"-web-text", b"-web+json", b"; charset=x"))
    path, body = chance.choice(paths), chance.choice(bodies)
    reply = literal(b":status", b"200") + literal(b"content-type", b"application/grpc" + suffix)
    end = literal(b"grpc-status", b"2") + literal(b"grpc-status-details-bin", chance.choice(_TEXTS) + body[:500])
    files = b"\x22" + integer(len(body) + 3, 7, 0)[:1] + b"\x0a" + integer(len(body), 7, 0)[:1] + body
    return [
        (Side.CLIENT, _request(1, path, (b"content-type", b"application/grpc" + suffix)) + frame(0, 1, _message(body))),
        (
            Side.SERVER,
            frame(1, 1, reply, 4) + frame(0, 1, _message(chance.choice((body, files)))) + frame(1, 1, end, 5),
        ),
    ]


def _noise(chance: random.Random) -> list[tuple[Side, bytes]]:
    return [(chance.choice(list(Side)), chance.randbytes(chance.randrange(1, 3000)))]


SCENES: Final[tuple[Scene, ...]] = (
    _call, _header_blocks, _header_bomb, _continuations, _tiny_frames, _many_streams, _bombs, _lengths, _control,
    _payloads, _noise,
)  # fmt: skip


def hostile(chance: random.Random) -> tuple[str, bytes]:
    """A capture of one connection, and what its scenes are called."""
    flow, now = Flow(CLIENT, SERVER), 1_795_334_811_000_000_000
    records = [flow.open(now), flow.carry(Side.CLIENT, PREFACE + frame(4, 0), now)]
    names = []
    for scene in chance.choices(SCENES, k=chance.choice((1, 2, 5))):
        names.append(scene.__name__.strip("_"))
        for side, wire in scene(chance):
            size = chance.choice((1_400, 60_000, 37)) if len(wire) < 9000 else 60_000
            for start in range(0, len(wire), size):
                now += 1_000_000
                records.append(flow.carry(side, wire[start : start + size], now))
    if chance.random() < 0.3:
        names.append("late")
        records = records[2:]
    return ", ".join(names), PCAP_HEADER + b"".join(records)
