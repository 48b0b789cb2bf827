"""What a filter leads to: rows are chosen anew, and for a display filter the packets are looked through.

Owns the filter that is on. Where it is typed, and what it means, is the filter box's business.
"""

from __future__ import annotations

from collections.abc import Callable

from inspector.capture.packet_matches import PacketMatches
from inspector.capture.sharkd_answers import FieldName
from inspector.session.packets import Packets
from inspector.store.filter import EVERYTHING, Filter, display_filter
from inspector.ui.copies import SecretSwitch
from inspector.ui.feed import Feed
from inspector.ui.messages import DisplayFiltered, FieldChosen, FilterAsked, FilterBegun, Filtered, PassCancelled
from inspector.ui.offers import field_filters
from inspector.ui.parts.packet_pass import PacketPass
from inspector.ui.parts.stage import Actions, Hears, Stage
from inspector.ui.screens.choice import ChoiceDialog
from inspector.ui.slices import go_on
from inspector.ui.widgets.filter_box import FilterBox


class PacketLanguage:
    """What the filter box asks of Wireshark: answered by whatever tshark the packets are read with by then."""

    def __init__(self, packets: Packets) -> None:
        self._packets = packets

    async def check(self, text: str) -> None:
        """Raises FilterError for what is no display filter."""
        await self._packets.grammar.check(text)

    async def complete(self, start: str) -> tuple[FieldName, ...]:
        """The names of fields that begin like that."""
        return await self._packets.grammar.complete(start)


class Filtering:
    """Puts filters on."""

    def __init__(
        self,
        stage: Stage,
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
        self._pass = PacketPass(stage, feed, packets, box, self._refilter)

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
        self._box.put_back()
        return True

    def _filter_words(self, event: Filtered) -> None:
        self._pass.end()
        self._filter = event.filter
        self._refilter()

    def _filter_packets(self, event: DisplayFiltered) -> None:
        self._pass.end()
        matches = PacketMatches()
        self._filter = display_filter(event.text, matches)
        self._box.take(self._filter)
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
            await go_on(self._feed.refilter(self._filter, show_control=shown))
            self._refiltered()

        shown = self._feed.frames.show_control if show_control is None else show_control
        self._stage.work_anew(work(), "filter")

    def _ask_how(self, event: FieldChosen) -> None:
        value = event.field.filter.partition(" == ")[2]
        if any(self._secrets.covers(name, value) for name in event.headers):
            self._box.withhold(value)
        if choices := field_filters(event.field, self._box.good):
            note = "Enter puts the filter on · Esc cancels"
            dialog = ChoiceDialog("Filter by this field", choices, note)
            self._stage.ask(dialog, lambda chosen: self._put(chosen.value))
        else:
            self._stage.say("Nothing can be filtered by this line: it is no field of Wireshark's.")
