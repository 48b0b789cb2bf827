"""How much memory a session may take: the limit, what is sensible where none is given, and who gets which share.

Half of it is for tshark, which keeps something of every packet; the rest, less what the program itself needs, is for
the frames and calls that are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

_MB: Final = 1 << 20
_LEAST_USUAL: Final = 512 * _MB
_MOST_USUAL: Final = 8 << 30
_SHARE_USUAL: Final = 3
_OWN: Final = 100 * _MB
"""What this program takes before it has seen a frame."""
_LEAST_KEPT: Final = 32 * _MB
_LIMITS: Final = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)
"""What a container may take, and what it has taken."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Sizes in bytes."""

    limit: int
    """Of all together."""
    tshark: int
    """What one tshark may hold before another takes over; and what another may that looks at all packets beside it."""
    store: int
    """What the frames may take that are kept, with all that belongs to them."""

    @classmethod
    def of(cls, limit: int) -> Memory:
        """The shares of a limit."""
        return cls(limit, limit // 2, max(limit // 2 - _OWN, _LEAST_KEPT))


def usual_memory() -> Memory:
    """A third of what is free now, here or in this container: at least 512 MB, at most 8 GB."""
    free = min([psutil.virtual_memory().available, *_free_in_container()])
    return Memory.of(min(max(free // _SHARE_USUAL, _LEAST_USUAL), _MOST_USUAL))


def _free_in_container() -> list[int]:
    found = []
    for limit, used in _LIMITS:
        try:
            found.append(int(limit.read_text()) - int(used.read_text()))
        except (OSError, ValueError):  # none, or `max`
            continue
    return found
