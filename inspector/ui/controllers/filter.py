"""Apply filters, and run display filters over the packets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from inspector.scheduling import run_in_slices
from inspector.session.packets import Packets
from inspector.store.filters.filter import EVERYTHING, Filter, display_filter
from inspector.tshark.display_filter import PacketMatches
from inspector.tshark.sharkd import FieldName
from inspector.ui.controllers.context import Actions, Hears, ScreenContext
from inspector.ui.dialogs.choice import ChoiceDialog
from inspector.ui.dialogs.export import SecretSwitch
from inspector.ui.dialogs.menu_items import field_filters
from inspector.ui.feed import Feed
from inspector.ui.messages import DisplayFiltered, FieldChosen, FilterAsked, FilterBegun, Filtered, PassCancelled
from inspector.ui.widgets.filter_box import FilterBox

_CAUGHT_UP: Final = 0.999
"""From this share of the recording on, a pass is no longer waited for."""


class PacketFilterPass:
    """Looks packets through, for one display filter at a time."""

    def __init__(
        self, stage: ScreenContext, feed: Feed, packets: Packets, box: FilterBox, begun_anew: Callable[[], None]
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
            self._feed.request_draw()


class PacketFilters:
    """What the filter box asks of Wireshark: answered by whatever tshark the packets are read with by then."""

    def __init__(self, packets: Packets) -> None:
        self._packets = packets

    async def check(self, text: str) -> None:
        """Raises FilterError for what is no display filter."""
        await self._packets.grammar.check(text)

    async def complete(self, start: str) -> tuple[FieldName, ...]:
        """The names of fields that begin like that."""
        return await self._packets.grammar.complete(start)


class FilterController:
    """Puts filters on."""

    def __init__(
        self,
        stage: ScreenContext,
        feed: Feed,
        packets: Packets,
        box: FilterBox,
        begun: Callable[[], None],
        refiltered: Callable[[], None],
        secrets: SecretSwitch,
    ) -> None:
        """`begun` is called before a filter is typed, or chosen elsewhere; `refiltered` when rows were chosen anew."""
        self._stage, self._feed = stage, feed
        self._box, self._begun, self._refiltered = box, begun, refiltered
        self._secrets = secrets.secrets
        self._filter: Filter = EVERYTHING
        self._pass = PacketFilterPass(stage, feed, packets, box, self._refilter)

    @property
    def actions(self) -> Actions:
        """Which frames are shown besides."""
        return {"toggle_control": self._toggle_control}

    @property
    def hears(self) -> Hears:
        """What is typed, and what is chosen elsewhere."""
        return {
            FilterBegun: lambda _: self._begun(),
            Filtered: self._filter_words,
            DisplayFiltered: self._filter_packets,
            PassCancelled: lambda _: self.stop_looking(),
            FilterAsked: lambda event: self._put(event.text),
            FieldChosen: self._ask_how,
        }

    def show_counts(self, words: str) -> None:
        """How many rows are shown, and how far the packets are looked through."""
        self._box.show_counts(self._pass.progress + words)

    def stop_looking(self) -> bool:
        """Break off a pass that is waited for, and put the filter before back; False when there is none."""
        if not self._pass.is_awaited:
            return False
        self._pass.end()
        self._box.put(self._box.previous)
        return True

    def _filter_words(self, event: Filtered) -> None:
        self._pass.end()
        self._filter = event.filter
        self._refilter()

    def _filter_packets(self, event: DisplayFiltered) -> None:
        self._pass.end()
        matches = PacketMatches()
        self._filter = display_filter(event.text, matches)
        self._box.set_display_filter(self._filter)
        self._refilter()
        self._pass.begin(event.text, matches)

    def _put(self, text: str) -> None:
        self._begun()
        self._box.put(text)

    def _toggle_control(self) -> None:
        self._begun()
        self._refilter(show_control=not self._feed.frames.show_control)

    def _refilter(self, *, show_control: bool | None = None) -> None:
        async def work() -> None:
            await self._stage.drawn()
            await run_in_slices(self._feed.refilter(self._filter, show_control=shown))
            self._refiltered()

        shown = self._feed.frames.show_control if show_control is None else show_control
        self._stage.work_anew(work(), "filter")

    def _ask_how(self, event: FieldChosen) -> None:
        value = event.field.filter.partition(" == ")[2]
        if any(self._secrets.covers(name, value) for name in event.headers):
            self._box.history.withhold(value)
        if choices := field_filters(event.field, self._box.good):
            note = "Enter puts the filter on · Esc cancels"
            dialog = ChoiceDialog("Filter by this field", choices, note)
            self._stage.ask(dialog, lambda chosen: self._put(chosen.value))
        else:
            self._stage.say("Nothing can be filtered by this line: it is no field of Wireshark's.")
