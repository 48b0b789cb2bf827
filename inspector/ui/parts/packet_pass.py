"""The one pass over the packets that a display filter takes: its start, how far it is, and its end.

It goes on as long as more is captured; nothing of it waits for the screen, nor the screen for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from inspector.capture.packet_matches import PacketMatches
from inspector.session.packets import Packets
from inspector.ui.feed import Feed
from inspector.ui.parts.stage import Stage
from inspector.ui.widgets.filter_box import FilterBox

_CAUGHT_UP: Final = 0.999
"""From this share of the recording on, a pass is no longer waited for."""


class PacketPass:
    """Looks packets through, for one display filter at a time."""

    def __init__(
        self, stage: Stage, feed: Feed, packets: Packets, box: FilterBox, begun_anew: Callable[[], None]
    ) -> None:
        """`begun_anew` is called when what was found does not hold any more, because ports are decoded otherwise."""
        self._stage, self._feed, self._packets = stage, feed, packets
        self._box, self._begun_anew = box, begun_anew
        self._task: asyncio.Task[None] | None = None
        self._share: float | None = None

    @property
    def is_awaited(self) -> bool:
        """True while it has not caught up with the capture."""
        return self._share is not None

    @property
    def progress(self) -> str:
        """How far it is, as long as that is waited for."""
        return "" if self._share is None else f"{self._share:.0%} of the packets looked through, Esc stops · "

    def begin(self, text: str, matches: PacketMatches) -> None:
        """Look for the packets that a display filter lets through; they go into `matches`."""
        self._task = self._stage.work(self._packets.read_matches(text, matches, self))
        self.note_share(0.0)

    def end(self) -> None:
        """Look no further."""
        if self._task is not None:
            self._task.cancel()
        self._task = None
        self.note_share(1.0)

    def note_matches(self, numbers: Sequence[int]) -> None:
        """The display filter lets these packets through too."""
        self._feed.note_packets(numbers)

    def forget_matches(self) -> None:
        """The pass begins anew."""
        self._begun_anew()

    def note_share(self, share: float) -> None:
        """So much of the recording has been looked through."""
        self._share = share if share < _CAUGHT_UP and self._task is not None else None
        if self._box.is_attached and (self._box.is_searching or self.is_awaited):  # not while the app ends
            self._box.is_searching = self.is_awaited
            self._feed.stir()
