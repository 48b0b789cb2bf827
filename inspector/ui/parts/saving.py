"""Saving and exporting: what there is to choose from, and the sentence on what was written.

Also asks, before a capture is left, what becomes of comments that are not saved.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from inspector.capture.saving import write_private
from inspector.model.call import StreamKey
from inspector.schema.catalog import Catalog
from inspector.session import FileSource, Session
from inspector.session.extracts import packets_of_calls, packets_of_connections, packets_of_frames
from inspector.ui.exports import Ground, ways
from inspector.ui.lists.tabs import PACKETS
from inspector.ui.messages import SaveAsked
from inspector.ui.parts.stage import Actions, Hears, Stage
from inspector.ui.screens.export_dialog import ExportDialog, Order
from inspector.ui.screens.save_dialog import SaveDialog
from inspector.ui.screens.unsaved_dialog import Parting, UnsavedDialog
from inspector.ui.subject import ConnectionAt, FrameAt, PacketAt, connection_of
from inspector.ui.widgets.browser import Browser

_SOON: Final = 1.0
"""Seconds after which somebody wonders whether anything happens."""


class Saving:
    """Writes files."""

    def __init__(
        self, stage: Stage, session: Session, catalog: Catalog, browser: Browser, picture: Callable[[], str]
    ) -> None:
        """`picture` gives the whole screen as it is by then, as SVG."""
        self._stage, self._session, self._picture = stage, session, picture
        self._catalog, self._browser, self._feed = catalog, browser, browser.feed

    @property
    def actions(self) -> Actions:
        """Save or export."""
        return {"save": lambda: self._ask_what(_nothing)}

    @property
    def hears(self) -> Hears:
        """What a pane wants to be saved."""
        return {SaveAsked: self._ask_where}

    def part(self, leave: Callable[[], object]) -> None:
        """Leave this capture: at once, or as somebody decides who wrote comments and did not save them."""
        comments = self._session.comments

        def decide(parting: Parting) -> None:
            if parting is Parting.LEAVE:
                leave()
            elif parting is Parting.SAVE:
                self._ask_what(lambda: None if comments.unsaved else leave())

        if comments.unsaved:
            self._stage.ask(UnsavedDialog(comments.unsaved, self._session.status.source), decide)
        else:
            leave()

    def _ask_what(self, then: Callable[[], object]) -> None:
        """Ask what to save, save it, and go on."""

        def export(order: Order) -> None:
            self._stage.work(self._write_order(order, then))

        dialog = ExportDialog(ways(self._ground()), self._session.status.source)
        self._stage.ask(dialog, export)

    async def _write_order(self, order: Order, then: Callable[[], object]) -> None:
        still = f"{order.path.name} is being written; everything can be used meanwhile."
        telling = asyncio.get_running_loop().call_later(_SOON, self._stage.say, still)
        try:
            self._stage.say(await order.way.write(order.path, order.keeps_keys))
        finally:
            telling.cancel()
        then()

    def _ground(self) -> Ground:
        source, call = self._session.source, self._browser.call
        comments = self._session.comments.changed
        is_pcapng = bool(comments) or (isinstance(source, FileSource) and ".pcapng" in source.path.name)
        return Ground(
            self._session,
            self._catalog,
            self._shown_packets,
            self._marked_packets,
            self._browser.listing.marks,
            self._feed.frames.positions,
            self._feed.calls.keys,
            None if call is None else call.key,
            connection_of(self._browser.subject, self._session.store),
            ".pcapng" if is_pcapng else ".pcap",
            comments,
            self._picture(),
        )

    def _shown_packets(self) -> Iterable[int]:
        if self._browser.listing.shown.id == PACKETS:
            return self._feed.packets.numbers[:]
        return packets_of_frames(self._session, self._feed.frames.positions[:])

    async def _marked_packets(self) -> frozenset[int]:
        """Of marked rows: the packets of frames, of calls, of connections, and packets themselves."""
        found, calls, connections = set[int](), set[StreamKey](), set[int]()
        for key, subject in self._browser.listing.marked_rows():
            match subject:
                case _ if isinstance(key, StreamKey):
                    calls.add(key)
                case FrameAt(position):
                    found.update(packets_of_frames(self._session, [position]))
                case PacketAt(number):
                    found.add(number)
                case ConnectionAt(connection):
                    connections.add(connection)
        if calls:
            found |= await packets_of_calls(self._session, calls)
        return frozenset(found | await packets_of_connections(self._session, connections))

    def _ask_where(self, event: SaveAsked) -> None:
        suffix = ".bin" if b"\0" in event.data else ".txt"
        dialog = SaveDialog(f"{self._session.status.source} {event.name}", suffix, f"Save {event.name}")
        self._stage.ask(dialog, lambda path: self._stage.work(self._write(path, event)))

    async def _write(self, path: Path, event: SaveAsked) -> None:
        write_private(path, event.data)
        self._stage.say(f"Saved {event.name} as {path}")


def _nothing() -> None:
    """Go nowhere when it is saved."""
