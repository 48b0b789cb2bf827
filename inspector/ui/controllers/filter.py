"""Apply word filters and display filters. A display filter scans all packets in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from inspector.scheduling import run_in_slices
from inspector.session.packets import Packets
from inspector.store.filters.filter import EVERYTHING, Filter, display_filter
from inspector.tshark.display_filter import PacketMatches
from inspector.tshark.sharkd import FieldName
from inspector.ui.controllers.context import ScreenContext
from inspector.ui.dialogs.choice import ChoiceDialog
from inspector.ui.dialogs.export import SecretSwitch
from inspector.ui.dialogs.menu_items import field_filters
from inspector.ui.feed import Feed
from inspector.ui.messages import (
    DisplayFilterEntered,
    FieldFilterRequested,
    FilterEntered,
    FilterFocused,
    FilterRequested,
    FilterScanCancelled,
)
from inspector.ui.widgets.filter_box import FilterBox

_NEARLY_ALL: Final = 0.999
"""The share of the recording at which a scan counts as complete. In a live capture, it never reaches all of it."""


class PacketScan:
    """The current scan for packets that match a display filter. The session reports matches and progress to it."""

    def __init__(
        self, context: ScreenContext, feed: Feed, packets: Packets, box: FilterBox, on_restart: Callable[[], None]
    ) -> None:
        """`on_restart` is called when matches become invalid because ports are decoded in another way."""
        self._context, self._feed, self._packets = context, feed, packets
        self._box, self._on_restart = box, on_restart
        self._task: asyncio.Task[None] | None = None
        self._share: float | None = None

    @property
    def is_behind(self) -> bool:
        """True until the scan has caught up with the capture."""
        return self._share is not None

    @property
    def progress(self) -> str:
        """The progress for the filter box; empty when the scan has caught up."""
        return "" if self._share is None else f"{self._share:.0%} of the packets scanned, Esc stops · "

    def start(self, text: str, matches: PacketMatches) -> None:
        """Scan for a display filter, and add the packets that match to `matches`."""
        self._task = self._context.run_task(self._packets.read_matches(text, matches, self))
        self.note_share(0.0)

    def stop(self) -> None:
        """Stop the scan."""
        if self._task is not None:
            self._task.cancel()
        self._task = None
        self.note_share(1.0)

    def note_matches(self, numbers: Sequence[int]) -> None:
        """Show more packets that match."""
        self._feed.note_packets(numbers)

    def forget_matches(self) -> None:
        """Drop the matches: the scan starts again."""
        self._on_restart()

    def note_share(self, share: float) -> None:
        """Show which share of the recording was scanned."""
        self._share = share if share < _NEARLY_ALL and self._task is not None else None
        if self._box.is_attached and (self._box.is_searching or self.is_behind):  # detached while the app exits
            self._box.is_searching = self.is_behind
            self._feed.request_draw()


class PacketFilters:
    """Checks and completes display filters. Asks the session each time, since its tshark may be replaced."""

    def __init__(self, packets: Packets) -> None:
        self._packets = packets

    async def check(self, text: str) -> None:
        """Raise FilterError if a text is not a display filter."""
        await self._packets.grammar.check(text)

    async def complete(self, start: str) -> tuple[FieldName, ...]:
        """Return the fields whose names begin with `start`."""
        return await self._packets.grammar.complete(start)


class FilterController:
    """Applies filters from the filter box and from elsewhere."""

    def __init__(
        self,
        context: ScreenContext,
        feed: Feed,
        packets: Packets,
        box: FilterBox,
        before_filter: Callable[[], None],
        on_filtered: Callable[[], None],
        secrets: SecretSwitch,
    ) -> None:
        """`before_filter` is called before a filter is typed or applied, `on_filtered` when its rows are selected."""
        self._context, self._feed = context, feed
        self._box, self._before_filter, self._on_filtered = box, before_filter, on_filtered
        self._secrets = secrets.secrets
        self._filter: Filter = EVERYTHING
        self._scan = PacketScan(context, feed, packets, box, self._refilter)

    def show_counts(self, counts: str) -> None:
        """Show how many rows match, after the progress of the scan."""
        self._box.show_counts(self._scan.progress + counts)

    def stop_scan(self) -> bool:
        """Stop a scan and restore the previous filter. Return False if none is behind the capture."""
        if not self._scan.is_behind:
            return False
        self._scan.stop()
        self._box.put(self._box.previous)
        return True

    def action_toggle_control(self) -> None:
        """Hide or show control frames, such as SETTINGS, PING and WINDOW_UPDATE."""
        self._before_filter()
        self._refilter(show_control=not self._feed.frames.show_control)

    def on_filter_focused(self, _message: FilterFocused) -> None:
        """Prepare the lists for a filter."""
        self._before_filter()

    def on_filter_entered(self, message: FilterEntered) -> None:
        """Apply a word filter."""
        self._scan.stop()
        self._filter = message.filter
        self._refilter()

    def on_display_filter_entered(self, message: DisplayFilterEntered) -> None:
        """Apply a display filter: show no packet at first, then each match as the scan finds it."""
        self._scan.stop()
        matches = PacketMatches()
        self._filter = display_filter(message.text, matches)
        self._box.set_display_filter(self._filter)
        self._refilter()
        self._scan.start(message.text, matches)

    def on_filter_scan_cancelled(self, _message: FilterScanCancelled) -> None:
        """Stop the scan."""
        self.stop_scan()

    def on_filter_requested(self, message: FilterRequested) -> None:
        """Put a filter into the box, which applies it."""
        self._put(message.text)

    def on_field_filter_requested(self, message: FieldFilterRequested) -> None:
        """Ask which filter to make of a field, and apply it."""
        value = message.field.filter.partition(" == ")[2]
        if any(self._secrets.covers(name, value) for name in message.headers):
            self._box.history.withhold(value)
        if choices := field_filters(message.field, self._box.good):
            note = "Enter applies the filter · Esc cancels"
            dialog = ChoiceDialog("Filter by this field", choices, note)
            self._context.push_dialog(dialog, lambda chosen: self._put(chosen.value))
        else:
            self._context.notify("This line is not a field of Wireshark's: there is nothing to filter by.")

    def _put(self, text: str) -> None:
        self._before_filter()
        self._box.put(text)

    def _refilter(self, *, show_control: bool | None = None) -> None:
        async def work() -> None:
            await self._context.wait_until_drawn()
            await run_in_slices(self._feed.refilter(self._filter, show_control=shown))
            self._on_filtered()

        shown = self._feed.frames.show_control if show_control is None else show_control
        self._context.run_exclusive(work(), "filter")
