"""Where somebody wants to go, as it is typed: `14` is a packet, `f 120` a frame, `0/3` a call."""

from __future__ import annotations

import re
from typing import Final

from inspector.errors import UsageError
from inspector.model.call import StreamKey
from inspector.store.store import Store
from inspector.ui.subject import FrameAt, PacketAt
from inspector.views.text import clean, counted

_PACKET: Final = re.compile(r"(?:p|packet|#)?\s*(\d{1,12})", re.IGNORECASE | re.ASCII)
_FRAME: Final = re.compile(r"(?:f|frame)\s*(\d{1,12})", re.IGNORECASE | re.ASCII)
_CALL: Final = re.compile(r"(\d{1,9})\s*/\s*(\d{1,10})", re.ASCII)


def parse_goal(text: str, store: Store, packets: int) -> FrameAt | PacketAt:
    """What a text means, of what there is by now; raises UsageError, with a sentence for the one who typed it."""
    text = text.strip()
    if match := _PACKET.fullmatch(text):
        if not 0 < (number := int(match[1])) <= packets:
            raise UsageError(f"There is no packet {number:,}: there are {counted(packets, 'packet')}.")
        return PacketAt(number)
    if match := _FRAME.fullmatch(text):
        if not 0 < (number := int(match[1])) <= len(store.frames):
            raise UsageError(f"There is no frame {number:,}: there are {counted(len(store.frames), 'frame')}.")
        if not store.frames.holds(number - 1):
            raise UsageError(f"Frame {number:,} is not kept any more: the oldest left to make room.")
        return FrameAt(number - 1)
    if match := _CALL.fullmatch(text):
        call = store.calls.get(StreamKey(int(match[1]), int(match[2])))
        oldest = None if call is None else call.frames.oldest
        if oldest is None:
            raise UsageError(f"There is no call {match[0]}.")
        return FrameAt(oldest)
    raise UsageError(f"{clean(text)!r} is none of these: 14 is a packet, f 120 a frame, 0/3 a call.")
