"""What a frame says, in one line: the Info column.

One small function for each frame type, found through a table. What the server says is indented, so that the two sides
differ without colour too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from inspector.model.endpoint import Side
from inspector.model.frame import FrameType
from inspector.views.data_info import data_info
from inspector.views.header_info import headers_info
from inspector.views.seen import Seen
from inspector.views.spans import GAP, Span, Tone, joined
from inspector.views.text import clean, shortened

_LONGEST: Final = 200
"""Characters of one value in a row; more than the widest terminal shows."""


def info(at: Seen) -> tuple[Span, ...]:
    """What the frame says, indented when the server says it."""
    spans = frame_info(at)
    return (GAP, *spans) if at.side is Side.SERVER and spans else spans


def frame_info(at: Seen) -> tuple[Span, ...]:
    """What the frame says, without the indent."""
    return _BY_TYPE.get(at.frame.type, _other)(at)


def _detail(at: Seen, key: str) -> str:
    value = (at.frame.detail or {}).get(key)
    return "" if value is None else clean(shortened(str(value), _LONGEST))


def _settings(at: Seen) -> tuple[Span, ...]:
    values = (at.frame.detail or {}).get("settings")
    if isinstance(values, dict) and values:
        return (Span(clean("  ".join(f"{name}={value}" for name, value in values.items()))),)
    return (Span("ack" if "ACK" in at.frame.flag_names else "no settings", Tone.DIM),)


def _ping(at: Seen) -> tuple[Span, ...]:
    return (Span(f"{'ack' if 'ACK' in at.frame.flag_names else 'ping'} {_detail(at, 'opaque')}".rstrip(), Tone.DIM),)


def _goaway(at: Seen) -> tuple[Span, ...]:
    error, debug = _detail(at, "error"), _detail(at, "debug")
    tone = Tone.WARN if error in ("NO_ERROR", "") else Tone.ERROR
    last = _detail(at, "last_stream")
    return joined(
        (
            (Span(error or "GOAWAY", tone),),
            (Span(f"last stream {last}", Tone.DIM),) if last else (),
            (Span(debug, tone),) if debug else (),
        )
    )


def _reset(at: Seen) -> tuple[Span, ...]:
    return (Span(_detail(at, "error") or "?", Tone.ERROR),)


def _window(at: Seen) -> tuple[Span, ...]:
    return (Span(f"+{_detail(at, 'increment') or '?'}", Tone.DIM),)


def _other(at: Seen) -> tuple[Span, ...]:
    parts = (f"{key.replace('_', ' ')} {value}" for key, value in (at.frame.detail or {}).items())
    return (Span(clean(shortened("  ".join(parts), _LONGEST)), Tone.DIM),) if at.frame.detail else ()


_BY_TYPE: Final[Mapping[int, Callable[[Seen], tuple[Span, ...]]]] = {
    FrameType.DATA: data_info,
    FrameType.HEADERS: headers_info,
    FrameType.CONTINUATION: headers_info,
    FrameType.SETTINGS: _settings,
    FrameType.PING: _ping,
    FrameType.GOAWAY: _goaway,
    FrameType.RST_STREAM: _reset,
    FrameType.WINDOW_UPDATE: _window,
}
