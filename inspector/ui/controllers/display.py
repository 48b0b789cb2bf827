"""What is shown and copied: times and columns, the right pane, reports, the menu, copies, and names of methods."""

from __future__ import annotations

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
from inspector.ui.controllers.context import ScreenContext
from inspector.ui.detail.packet import file_content, is_raw
from inspector.ui.dialogs.choice import Choice, ChoiceDialog, Chosen, TypedChoiceDialog
from inspector.ui.dialogs.columns import ColumnsDialog
from inspector.ui.dialogs.export import Copy, SecretSwitch, copy_choices, secrets_remark
from inspector.ui.dialogs.reports import CompareScreen, StatisticsScreen
from inspector.ui.lists.listing import FRAMES, LISTS, PACKETS
from inspector.ui.messages import CopyRequested, FieldFilterRequested, SaveRequested
from inspector.ui.subject import FrameAt, PacketAt

_STYLES_WITH_REFERENCE: Final = frozenset({TimeStyle.CALL, TimeStyle.CAPTURE})
"""Styles in which times count from the time reference."""
_STYLES_OF_FRAMES: Final = frozenset({TimeStyle.CALL, TimeStyle.STREAM})
"""Not offered for packets: a packet may belong to no call or to several."""


class ListViewController:
    """Changes how the lists show times and columns."""

    def __init__(self, context: ScreenContext, browser: Browser) -> None:
        self._context, self._browser = context, browser
        self._feed, self._store = browser.feed, browser.feed.store

    def action_turn_times(self) -> None:
        """Switch to the next style of times."""
        without = _STYLES_OF_FRAMES if self._browser.listing.shown.id == PACKETS else ()
        styles = [style for style in TimeStyle if style not in without]
        # The list of packets shows a style that it does not offer as times since the start of the capture.
        shown = self._feed.time_style if self._feed.time_style in styles else TimeStyle.CAPTURE
        self._feed.time_style = styles[(styles.index(shown) + 1) % len(styles)]
        self._feed.redraw()
        self._context.notify(f"Times: {self._feed.time_style.words}.")

    @property
    def _selected_time(self) -> float | None:
        match self._browser.subject:
            case PacketAt(number):
                return self._feed.packets.line(number).time
            case FrameAt(position) if self._store.frames.holds(position):
                return self._store.frames[position].time
            case _:
                return None

    def action_set_reference(self) -> None:
        """Count times from the selected row, or again from the start if they already do."""
        feed, time = self._feed, self._selected_time
        if time is None:
            self._context.notify("Select a frame, a call or a packet to count times from it.")
            return
        feed.time_reference = None if time == feed.time_reference else time
        if feed.time_reference is not None and feed.time_style not in _STYLES_WITH_REFERENCE:
            feed.time_style = TimeStyle.CAPTURE
        feed.redraw()
        is_set = feed.time_reference is not None
        self._context.notify("Times count from the selected row." if is_set else "The time reference is removed.")

    def action_choose_columns(self) -> None:
        """Choose the columns of the list and their order."""
        table = self._browser.listing.shown
        title = LISTS[table.id or FRAMES].title
        dialog = ColumnsDialog(title, table.rows.columns, table.renderer.column_layout)
        self._context.push_dialog(dialog, self._browser.listing.show_columns)


class DetailController:
    """Turns tabs, and acts on what the right pane shows."""

    def __init__(self, context: ScreenContext, browser: Browser) -> None:
        self._context, self._browser, self._detail = context, browser, browser.detail

    def action_turn(self, tabs: int) -> None:
        """Turn to another tab of the side that has the focus. In a tree, expand or collapse the field."""
        if self._detail.pane.has_focus and self._detail.tree_page.set_fold(is_open=tabs > 0):
            return
        (self._detail if self._detail.has_focus_within_pane else self._browser.listing).turn(tabs)

    def action_open_all(self) -> None:
        """Expand or collapse the whole tree of a packet."""
        self._detail.tree_page.toggle_all()

    def action_reading(self) -> None:
        """Switch to the next form in which messages or TCP streams are shown."""
        self._detail.turn_form()

    def action_filter_field(self) -> None:
        """Make a filter from the field at the cursor."""
        if (field := self._detail.tree_page.field) is not None:
            self._context.post_message(FieldFilterRequested(field, self._detail.tree_page.headers))

    def action_write(self) -> None:
        """Save what the right pane shows."""
        detail = self._detail
        if detail.document is not None:
            message = SaveRequested(lambda mask: file_content(detail.document, mask), is_raw(detail.document))
            self._context.post_message(message)

    def action_copy(self) -> None:
        """Copy what the right pane shows if it has the focus, else the row."""
        table, document = self._browser.listing.shown, self._detail.document
        if self._detail.has_focus_within_pane:
            if document is not None:
                self._context.post_message(CopyRequested(document.copied, is_raw(document)))
        elif table.cursor.key is not None:
            row = table.rows.text(table.cursor.key)
            self._context.post_message(CopyRequested(lambda _: row))  # rows show no values of headers, hence no secrets


class ReportController:
    """Opens the comparison of two calls and the statistics."""

    def __init__(self, context: ScreenContext, browser: Browser, catalog: Catalog) -> None:
        self._context, self._browser, self._catalog = context, browser, catalog

    def action_compare(self) -> None:
        """Compare the selected call with the marked one."""
        selected, marked = self._browser.call, self._browser.marked_call
        if selected is None or marked is None:
            first_step = "" if self._browser.listing.marks.count else "Mark a call with m first. "
            self._context.notify(f"{first_step}Select another call than the marked one and press =.")
        else:
            store = self._browser.feed.store
            self._context.push_screen(CompareScreen(store, self._catalog, marked.key, selected.key))

    def action_statistics(self) -> None:
        """Show the statistics of the capture."""
        self._context.push_screen(StatisticsScreen(self._browser.feed))


_MENU_KEYS_WIDTH: Final = 8


class MenuController:
    """Offers the actions that are possible for the selection, and runs the one that is chosen."""

    def __init__(self, screen: Screen[None]) -> None:
        self._screen = screen

    def action_menu(self) -> None:
        """Show the menu."""
        keys = {key.id: key for _, key in entries()}
        active = {each.binding.id: each for each in self._screen.active_bindings.values() if each.enabled}
        offered = [(active[id_], keys[id_]) for id_ in MENU if id_ in active]
        choices = [Choice(each, f"{key.shown:<{_MENU_KEYS_WIDTH}}{key.label}", key.tooltip) for each, key in offered]
        note = "Type to search · Enter runs it · Esc cancels"
        self._screen.app.push_screen(ChoiceDialog("Actions for the selection", choices, note), self._run)

    async def _run(self, chosen: Chosen | None) -> None:
        if chosen is not None:
            await self._screen.app.run_action(chosen.value.binding.action, chosen.value.node)


class CopyController:
    """Copies to the clipboard, with secrets masked unless the user chose otherwise."""

    def __init__(
        self,
        context: ScreenContext,
        browser: Browser,
        catalog: Catalog,
        schema: SchemaSources,
        target: str | None,
        secrets: SecretSwitch,
    ) -> None:
        """`target` is the address in copied commands; None for the captured call's own server."""
        self._context, self._browser, self._secrets = context, browser, secrets
        self._catalog, self._schema, self._target = catalog, schema, target

    def action_copy_as(self) -> None:
        """Choose in which form to copy the selected call."""
        if (call := self._browser.call) is None:
            self._context.notify("Select a call, or a frame of one, to copy it.")
            return
        store, secrets = self._browser.feed.store, self._secrets.mask().secrets
        choices = copy_choices(store, self._catalog, call, self._target, self._schema, secrets)
        dialog = ChoiceDialog(f"Copy call {call.key} as", choices, "Enter copies · Esc cancels")
        self._context.push_dialog(dialog, self._copy)

    def _copy(self, chosen: Chosen) -> None:
        copy: Copy = chosen.value
        self.on_copy_requested(
            CopyRequested(lambda mask: (copy.make(mask), copy.name), shows_secrets=copy.shows_secrets)
        )

    def on_copy_requested(self, message: CopyRequested) -> None:
        """Copy a text and confirm what it is."""
        mask = self._secrets.mask(is_on=message.shows_secrets or None)
        try:
            text, name = message.make(mask)
        except RequestError as error:
            self._context.show_notice(error.message, error.hint)
            return
        self._context.copy_to_clipboard(text)
        remark = secrets_remark(mask, is_raw=message.is_raw)
        self._context.notify(f"Copied {name}: {len(text):,} characters{remark and f' · {remark}'}")


_UNNAME: Final = ""
"""The choice that removes a name; no path is empty."""
_SOURCES_ON_WIRE: Final = (MethodSource.WIRE, MethodSource.RECOVERED)


class MethodNameController:
    """Names the method of a call whose `:path` could not be read."""

    def __init__(self, context: ScreenContext, session: Session, browser: Browser, catalog: Catalog) -> None:
        self._context, self._session = context, session
        self._browser, self._catalog = browser, catalog

    def action_name_method(self) -> None:
        """Choose or type the method of the selected call."""
        call = self._browser.call
        if call is None:
            self._context.notify("Select a call, or a frame of one, to name its method.")
        elif call.method_source in _SOURCES_ON_WIRE:
            self._context.notify(f"Its method was read from the wire: {call.method}")
        else:
            dialog = _name_dialog(call, self._choices(call))
            self._context.push_dialog(dialog, lambda chosen: self._name(call, chosen))

    def _name(self, call: Call, chosen: Chosen) -> None:
        self._session.decoder.name_method(call.key, chosen.value or None)

    def _choices(self, call: Call) -> list[Choice]:
        """Return the methods that fit the messages of the call first, then all others of the schema."""
        guess = method_name(call, self._catalog)
        fitting = guess.candidates or ((guess.method,) if guess.method and guess.method != call.method else ())
        others = [path for path in self._catalog.methods if path not in fitting]
        unname = [Choice(_UNNAME, "remove the name", f"{call.method} is a guess")] if call.method else []
        return [
            *unname,
            *(Choice(path, path, "fits its messages") for path in fitting),
            *(Choice(path, path, "in the schema") for path in others),
        ]


def _name_dialog(call: Call, methods: list[Choice]) -> TypedChoiceDialog:
    others = 0 if call.path_entry is None else len(call.path_entry.calls) - 1
    shared = f", and {counted(others, 'other')}" if others else ""
    return TypedChoiceDialog(
        f"Name the method of call {call.key}{shared}",
        methods,
        "Enter takes the selected one, or what you typed · Esc cancels",
        lambda typed: Choice(_path(typed), _path(typed), "as typed"),
    )


def _path(typed: str) -> str:
    return typed.strip() if typed.strip().startswith("/") else f"/{clean(typed.strip())}"
