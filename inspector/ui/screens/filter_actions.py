"""What a filter leads to: rows are chosen anew, and for a display filter the packets are looked through.

Owns the feed, and the one pass over the packets that a display filter takes: its start, how far it is, and its end. It
goes on as long as more is captured; nothing of it waits for the screen, nor the screen for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from textual import on
from textual.widgets import OptionList

from inspector.capture.packet_matches import PacketMatches
from inspector.capture.sharkd_answers import FieldName
from inspector.model.dissection import Field
from inspector.session import Session
from inspector.store.filter import EVERYTHING, Filter, display_filter
from inspector.store.filter_language import FORCE, Language, display_text, language
from inspector.ui.feed import Feed
from inspector.ui.launch import Launch
from inspector.ui.messages import DisplayFiltered, FieldChosen, FilterAsked, Filtered, PassCancelled, StoreChanged
from inspector.ui.screens.call_actions import CallActions
from inspector.ui.screens.choice import Choice, ChoiceDialog, Chosen
from inspector.ui.slices import go_on
from inspector.ui.widgets.filter_box import FilterBox

_CAUGHT_UP: Final = 0.999
"""From this share of the recording on, a pass is no longer waited for."""


class FilterActions(CallActions):
    """The part of the inspection screen that filters."""

    def __init__(self, launch: Launch, session: Session, target: str | None) -> None:
        super().__init__(launch, session, target)
        self.feed = Feed(session.store, self._stir, session.packets, self.work)
        self._filter: Filter = EVERYTHING
        self._pass: asyncio.Task[None] | None = None
        self._share: float | None = None

    def _stir(self) -> None:
        self.post_message(StoreChanged())

    @property
    def box_of_filter(self) -> FilterBox:
        """Where it is typed."""
        return self.query_one(FilterBox)

    @property
    def progress(self) -> str:
        """How far the packets are looked through, as long as that is waited for."""
        return "" if self._share is None else f"{self._share:.0%} of the packets looked through, Esc stops · "

    def show_filtered(self) -> None:
        """Draw what another filter lets through."""
        raise NotImplementedError

    # What the filter box asks of Wireshark.

    async def check(self, text: str) -> None:
        """Raises FilterError for what is no display filter."""
        await self.session.packets.grammar.check(text)

    async def complete(self, start: str) -> tuple[FieldName, ...]:
        """The names of fields that begin like that."""
        return await self.session.packets.grammar.complete(start)

    # What a pass tells.

    def note_matches(self, numbers: Sequence[int]) -> None:
        """The display filter lets these packets through too."""
        self.feed.note_packets(numbers)

    def forget_matches(self) -> None:
        """The pass begins anew: ports are decoded otherwise."""
        self._refilter()

    def note_share(self, share: float) -> None:
        """So much of the recording has been looked through."""
        self._share = share if share < _CAUGHT_UP and self._pass is not None else None
        for box in self.query(FilterBox):  # none while the app ends
            if box.is_searching or self._share is not None:
                box.is_searching = self._share is not None
                self.feed.stir()

    @on(Filtered)
    def _filter_words(self, event: Filtered) -> None:
        self._end_pass()
        self._filter = event.filter
        self._refilter()

    @on(DisplayFiltered)
    def _filter_packets(self, event: DisplayFiltered) -> None:
        self._end_pass()
        matches = PacketMatches()
        self._filter = display_filter(event.text, matches)
        self.box_of_filter.take(self._filter)
        self._refilter()
        self._pass = self.work(self.session.packets.read_matches(event.text, matches, self))
        self.note_share(0.0)

    @on(PassCancelled)
    def _cancel_pass(self) -> None:
        self.stop_looking()

    def stop_looking(self) -> bool:
        """Break off a pass that is waited for, and put the filter before back; False when there is none."""
        if self._share is None:
            return False
        self._end_pass()
        self.box_of_filter.put_back()
        return True

    def _end_pass(self) -> None:
        if self._pass is not None:
            self._pass.cancel()
        self._pass = None
        self.note_share(1.0)

    def _refilter(self, *, show_control: bool | None = None) -> None:
        async def work() -> None:
            await go_on(self.feed.refilter(self._filter, show_control=shown))
            self.show_filtered()

        shown = self.feed.frames.show_control if show_control is None else show_control
        self.run_worker(work(), group="filter", exclusive=True)

    def _action_toggle_control(self) -> None:
        self._refilter(show_control=not self.feed.frames.show_control)

    def _action_turn_times(self) -> None:
        self.feed.time_style = self.feed.time_style.following
        self.feed.redraw()
        self.say(f"Times: {self.feed.time_style.words}.")

    @on(OptionList.OptionSelected, "#candidates")
    def _take_candidate(self) -> None:
        self.box_of_filter.take_name()

    @on(FilterAsked)
    def _put_filter(self, event: FilterAsked) -> None:
        self.box_of_filter.put(event.text)

    @on(FieldChosen)
    def _ask_how(self, event: FieldChosen) -> None:
        choices = field_filters(event.field, self.box_of_filter.good)
        if not choices:
            self.say("Nothing can be filtered by this line: it is no field of Wireshark's.")
            return
        note = "Enter puts the filter on · Esc cancels"
        self.app.push_screen(ChoiceDialog("Filter by this field", choices, note), self._put_chosen)

    def _put_chosen(self, chosen: Chosen | None) -> None:
        if chosen is not None:
            self.box_of_filter.put(chosen.value)


def field_filters(field: Field, current: str) -> list[Choice]:
    """The display filters that a field leads to: by itself, and with the display filter that is on."""
    if not (found := field.filter):
        return []
    ways = [(found, "apply"), (f"!({found})", "not")]
    if language(current) is Language.DISPLAY and (before := display_text(current)):
        ways += [
            (f"({before}) && {found}", "and"),
            (f"({before}) || {found}", "or"),
            (f"({before}) && !({found})", "and not"),
        ]
    if (name := field.name) != found:
        ways.append((name, "any value"))
    return [Choice(_marked(text), text, facts) for text, facts in ways]


def _marked(text: str) -> str:
    """A display filter that is seen to be one."""
    return text if language(text) is Language.DISPLAY else f"{FORCE} {text}"
