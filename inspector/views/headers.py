"""Headers as they are shown: which block of a call a frame belongs to, and how each value is known."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

from inspector.model.endpoint import Side
from inspector.model.frame import Frame, FrameType, HeaderSource
from inspector.views.spans import Tone

SOURCE_TONES: Final[Mapping[str, Tone]] = {
    "recovered": Tone.RECOVERED,
    "guessed": Tone.GUESSED,
    "doubtful": Tone.DOUBTFUL,
    "unknown": Tone.UNKNOWN,
}
"""By the word of a `HeaderSource` or a `MethodSource`; what was plainly read has no tone of its own."""


class Block(Enum):
    """What a frame with headers is to its call."""

    REQUEST = "request"
    RESPONSE = "response"
    TRAILERS = "trailers"
    """Of either side; a trailers-only reply too."""
    PART = "part"
    """A CONTINUATION, or a HEADERS whose block goes on in one."""


def block_of(frame: Frame, side: Side) -> Block:
    """What a HEADERS or CONTINUATION frame is, told by its headers and flags alone."""
    if frame.header("grpc-status") is not None or (side is Side.SERVER and frame.ends_stream):
        return Block.TRAILERS
    if frame.type == FrameType.CONTINUATION:
        return Block.PART
    if side is Side.SERVER:
        return Block.RESPONSE
    return Block.TRAILERS if frame.ends_stream and frame.header(":method") is None else Block.REQUEST


def source_of(frame: Frame, name: str) -> HeaderSource | None:
    """How the first value of a header is known; None when it was plainly read, or is not there."""
    sources = dict(frame.header_sources)
    for index, (key, _) in enumerate(frame.headers or ()):
        if key == name:
            return sources.get(index)
    return None
