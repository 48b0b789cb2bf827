"""Takes HPACK's table size updates out of tshark's counts of headers, which count each as one (RFC 7541 §6.3).

Without that, a frame of a packet takes a header of the next one for its own. Some peers send an update in their first
block, as all do that speak to nginx, which allows no table.
"""

from __future__ import annotations

import re
from typing import Final

from hpack.exceptions import HPACKError
from hpack.hpack import decode_integer

from inspector.capture.fields import JOINT, Layers, entries
from inspector.model.frame import END_HEADERS, HEADER_TYPES, FrameType

_BEGINS_WITH_UPDATE: Final = re.compile(f"(?:^|{JOINT})[23]")
"""Updates are octets from 20 to 3f, and stand where a block begins."""
_UPDATE: Final = 0x20
_MASK: Final = 0xE0
_INTEGER: Final = 12
"""Octets within which an integer ends that means anything."""


def header_counts(layers: Layers) -> str:
    """How many headers each frame of a packet has, of those that have headers, as tshark writes it."""
    if not _BEGINS_WITH_UPDATE.search(layers.blocks) and not _BEGINS_WITH_UPDATE.search(layers.promise_blocks):
        return layers.header_counts
    told = [int(count) for count in entries(layers.header_counts) if count.isdigit()]
    updates = _updates(layers, len(told))
    if len(updates) != len(told) or sum(told) - len(entries(layers.header_names)) < sum(updates):
        return layers.header_counts  # a packet that was cut, or a tshark that does not count them
    return JOINT.join(str(max(count - update, 0)) for count, update in zip(told, updates, strict=True))


def _updates(layers: Layers, count: int) -> list[int]:
    """How many updates stand in each frame that has a count."""
    kinds = [int(kind) for kind in entries(layers.types)]
    flags = [int(each, 16) for each in entries(layers.flags)]
    uncounted = sum(map(HEADER_TYPES.__contains__, kinds)) - count
    blocks = {
        FrameType.HEADERS: iter(entries(layers.blocks)),
        FrameType.PUSH_PROMISE: iter(entries(layers.promise_blocks)),
    }
    found: list[int] = []
    for kind, flag in zip(kinds, flags, strict=False):
        if kind not in HEADER_TYPES:
            continue
        block = next(blocks[FrameType(kind)], "") if kind in blocks else ""
        if uncounted > 0 and not flag & END_HEADERS:
            uncounted -= 1  # a fragment in which no header ended
        else:
            found.append(_leading_updates(block))
    return found


def _leading_updates(block: str) -> int:
    count, at = 0, 0
    try:
        while (octets := bytes.fromhex(block[at : at + 2 * _INTEGER])) and octets[0] & _MASK == _UPDATE:
            at += 2 * decode_integer(octets, 5)[1]
            count += 1
    except (HPACKError, ValueError):
        return count
    return count
