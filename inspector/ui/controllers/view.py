"""Navigate, compare, copy, name methods, and the menu of actions."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Mapping
from typing import Final

from textual.screen import Screen

from inspector.diagnosis.call_facts import method_name
from inspector.errors import RequestError
from inspector.model.call import Call, MethodSource
from inspector.present.times import TimeStyle
from inspector.schema.catalog import Catalog
from inspector.session import Session
from inspector.session.schema import SchemaSources
from inspector.text import clean, counted
from inspector.ui.bindings import MENU, entries
from inspector.ui.browser import Browser
from inspector.ui.controllers.context import Actions, Hears, ScreenContext
from inspector.ui.dialogs.base import LineDialog
from inspector.ui.dialogs.choice import Choice, ChoiceDialog, Chosen, TypedChoiceDialog
from inspector.ui.dialogs.columns import ColumnsDialog
from inspector.ui.dialogs.export import Copy, SecretSwitch, copy_choices, masked_words
from inspector.ui.dialogs.reports import CompareScreen, StatisticsScreen
from inspector.ui.lists.listing import FRAMES, LISTS, PACKETS
from inspector.ui.messages import Copied
from inspector.ui.subject import FrameAt, PacketAt, parse_location


def copy_sequence(text: str, environment: Mapping[str, str]) -> str:
    r"""The escape sequence that puts a text on the clipboard.

    tmux passes on only what is wrapped as `\ePtmux;…\e\\`, with every ESC inside doubled.
    """
    encoded = b64encode(text.encode("utf-8", "replace")).decode("ascii")
    sequence = f"\x1b]52;c;{encoded}\x07"
    if environment.get("TMUX"):
        return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return sequence


_COUNTED: Final = frozenset({TimeStyle.CALL, TimeStyle.CAPTURE})
"""Styles in which a time zero shows."""
_OF_FRAMES: Final = frozenset({TimeStyle.CALL, TimeStyle.STREAM})
"""Of no meaning for packets, which are of no call or of several."""


class NavigationController:
    """Goes to rows, and has them drawn otherwise."""

    def __init__(self, stage: ScreenContext, browser: Browser) -> None:
        self._stage, self._browser = stage, browser
        self._feed, self._store = browser.feed, browser.feed.store

    @property
    def actions(self) -> Actions:
        """Rows, times, columns."""
        return {
            "go_to": self._ask_where,
            "turn_times": self._turn_times,
            "set_reference": self._set_reference,
            "choose_columns": self._choose_columns,
        }

    def _ask_where(self) -> None:
        note = "14 is a packet, f 120 a frame, 0/3 a call · Enter goes there · Esc cancels"
        self._stage.show(LineDialog("Go to", note, self._go_to))

    def _go_to(self, text: str) -> None:
        goal = parse_location(text, self._store, max(self._store.packets, self._feed.packets.total))
        if isinstance(goal, PacketAt) and self._browser.listing.shown.id != PACKETS:
            first = next(self._store.positions_of(goal.number), None)
            if first is None:
                self._stage.say(f"Packet {goal.number} holds no HTTP/2 frame; here it is among all packets.")
            else:
                goal = FrameAt(first)
        self._browser.go_to(goal)
        if isinstance(goal, FrameAt) and self._feed.frames.row_of(goal.position) is None:
            self._stage.say("The filter hides its row; the other pane shows it.")

    def _turn_times(self) -> None:
        without = _OF_FRAMES if self._browser.listing.shown.id == PACKETS else ()
        styles = [style for style in TimeStyle if style not in without]
        shown = self._feed.time_style if self._feed.time_style in styles else TimeStyle.CAPTURE  # so it looks there
        self._feed.time_style = styles[(styles.index(shown) + 1) % len(styles)]
        self._feed.redraw()
        self._stage.say(f"Times: {self._feed.time_style.words}.")

    @property
    def _selected_time(self) -> float | None:
        match self._browser.subject:
            case PacketAt(number):
                return self._feed.packets.line(number).time
            case FrameAt(position) if self._store.frames.holds(position):
                return self._store.frames[position].time
            case _:
                return None

    def _set_reference(self) -> None:
        feed, time = self._feed, self._selected_time
        if time is None:
            self._stage.say("Select a frame, a call or a packet to count times from it.")
            return
        feed.time_reference = None if time == feed.time_reference else time
        if feed.time_reference is not None and feed.time_style not in _COUNTED:
            feed.time_style = TimeStyle.CAPTURE
        feed.redraw()
        is_set = feed.time_reference is not None
        self._stage.say("Times count from the selected row." if is_set else "No time zero any more.")

    def _choose_columns(self) -> None:
        table = self._browser.listing.shown
        title = LISTS[table.id or FRAMES].title
        dialog = ColumnsDialog(title, table.rows.columns, table.renderer.column_layout)
        self._stage.ask(dialog, self._browser.listing.show_columns)


class ReportController:
    """Opens them."""

    def __init__(self, stage: ScreenContext, browser: Browser, catalog: Catalog) -> None:
        self._stage, self._browser, self._catalog = stage, browser, catalog

    @property
    def actions(self) -> Actions:
        """One each."""
        return {"compare": self._compare, "statistics": self._show_statistics}

    def _compare(self) -> None:
        selected, marked = self._browser.call, self._browser.marked_call
        if selected is None or marked is None:
            mark_it = "" if self._browser.listing.marks.count else "Mark a call with m first. "
            self._stage.say(f"{mark_it}Select another call than the marked one and press =.")
        else:
            store = self._browser.feed.store
            self._stage.show(CompareScreen(store, self._catalog, marked.key, selected.key))

    def _show_statistics(self) -> None:
        self._stage.show(StatisticsScreen(self._browser.feed))


_KEYS: Final = 8
"""Cells of the keys in a menu."""


class MenuController:
    """Offers actions, and does the one that is chosen."""

    def __init__(self, screen: Screen[None]) -> None:
        """`screen` knows which keys are of use now."""
        self._screen = screen

    @property
    def actions(self) -> Actions:
        """Show it."""
        return {"menu": self._show}

    def _show(self) -> None:
        keys = {key.id: key for _, key in entries()}
        known = {active.binding.id: active for active in self._screen.active_bindings.values() if active.enabled}
        offered = [(known[id_], keys[id_]) for id_ in MENU if id_ in known]
        choices = [Choice(active, f"{key.shown:<{_KEYS}}{key.label}", key.tooltip) for active, key in offered]
        note = "Type to search · Enter does it · Esc cancels"
        self._screen.app.push_screen(ChoiceDialog("What can be done here", choices, note), self._do)

    async def _do(self, chosen: Chosen | None) -> None:
        if chosen is not None:
            await self._screen.app.run_action(chosen.value.binding.action, chosen.value.node)


class CopyController:
    """Copies, with secrets masked unless they are asked for."""

    def __init__(
        self,
        stage: ScreenContext,
        browser: Browser,
        catalog: Catalog,
        schema: SchemaSources,
        target: str | None,
        secrets: SecretSwitch,
    ) -> None:
        """`target` is where a command that is copied sends to; None for the call's own server."""
        self._stage, self._browser, self._secrets = stage, browser, secrets
        self._catalog, self._schema, self._target = catalog, schema, target

    @property
    def actions(self) -> Actions:
        """Copy the selected call."""
        return {"copy_as": self._ask}

    @property
    def hears(self) -> Hears:
        """What others want to be copied."""
        return {Copied: self._copy}

    def _ask(self) -> None:
        if (call := self._browser.call) is None:
            self._stage.say("Select a call, or a frame of one, to copy it.")
            return
        store, secrets = self._browser.feed.store, self._secrets.mask().secrets
        choices = copy_choices(store, self._catalog, call, self._target, self._schema, secrets)
        self._stage.ask(ChoiceDialog(f"Copy call {call.key} as", choices, "Enter copies · Esc cancels"), self._take)

    def _take(self, chosen: Chosen) -> None:
        copy: Copy = chosen.value
        self._stage.post(Copied(lambda mask: (copy.make(mask), copy.name), shows_secrets=copy.shows_secrets))

    def _copy(self, event: Copied) -> None:
        mask = self._secrets.mask(is_on=event.shows_secrets or None)
        try:
            text, name = event.make(mask)
        except RequestError as error:
            self._stage.tell(error.message, error.hint)
            return
        self._stage.write(copy_sequence(text, os.environ))
        remark = "raw bytes, secrets in them too" if event.is_raw and not mask.secrets.are_shown else masked_words(mask)
        self._stage.say(f"Copied {name}: {len(text):,} characters{remark and f' · {remark}'}")


_UNNAME: Final = ""
"""Stands for taking a name back; no path is empty."""
_READ: Final = (MethodSource.WIRE, MethodSource.RECOVERED)


class MethodNameController:
    """Names methods."""

    def __init__(self, stage: ScreenContext, session: Session, browser: Browser, catalog: Catalog) -> None:
        self._stage, self._session = stage, session
        self._browser, self._catalog = browser, catalog

    @property
    def actions(self) -> Actions:
        """Name the selected call."""
        return {"name_method": self._ask}

    def _ask(self) -> None:
        call = self._browser.call
        if call is None:
            self._stage.say("Select a call, or a frame of one, to name its method.")
        elif call.method_source in _READ:
            self._stage.say(f"Its method was read on the wire: {call.method}")
        else:
            self._stage.ask(_dialog(call, self._methods(call)), lambda chosen: self._take(call, chosen))

    def _take(self, call: Call, chosen: Chosen) -> None:
        self._session.decoder.name_method(call.key, chosen.value or None)

    def _methods(self, call: Call) -> list[Choice]:
        """What the messages fit first, then all other methods of the schema."""
        known = method_name(call, self._catalog)
        fitting = known.candidates or ((known.method,) if known.method and known.method != call.method else ())
        others = [path for path in self._catalog.methods if path not in fitting]
        taken_back = [Choice(_UNNAME, "take the name back", f"{call.method} is a guess")] if call.method else []
        return [
            *taken_back,
            *(Choice(path, path, "fits its messages") for path in fitting),
            *(Choice(path, path, "of the schema") for path in others),
        ]


def _dialog(call: Call, methods: list[Choice]) -> TypedChoiceDialog:
    shared = f", and {counted(len(call.sharing) - 1, 'other')}" if len(call.sharing) > 1 else ""
    return TypedChoiceDialog(
        f"Name the method of call {call.key}{shared}",
        methods,
        "Enter takes it, or what is typed · Esc cancels",
        lambda typed: Choice(_path(typed), _path(typed), "as typed"),
    )


def _path(typed: str) -> str:
    return typed.strip() if typed.strip().startswith("/") else f"/{clean(typed.strip())}"
