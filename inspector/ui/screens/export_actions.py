"""Saving and exporting: what there is to choose from, and the sentence on what was written."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from inspector.model.call import StreamKey
from inspector.session import FileSource
from inspector.session.extracts import packets_of_calls, packets_of_connections, packets_of_frames
from inspector.ui.exports import Ground, ways
from inspector.ui.lists.tabs import PACKETS
from inspector.ui.screens.export_dialog import ExportDialog, Order
from inspector.ui.screens.find_actions import FindActions
from inspector.ui.screens.unsaved_dialog import Parting, UnsavedDialog
from inspector.ui.subject import ConnectionAt, FrameAt, PacketAt, connection_of


class ExportActions(FindActions):
    """The part of the inspection screen that writes files."""

    def _action_save(self) -> None:
        self._ask_what(lambda: None)

    def part(self, leave: Callable[[], object]) -> None:
        """Leave this capture: at once, or as somebody decides who wrote comments and did not save them."""

        def decide(parting: Parting | None) -> None:
            if parting is Parting.LEAVE:
                leave()
            elif parting is Parting.SAVE:
                self._ask_what(lambda: None if self.session.comments.unsaved else leave())

        if not (unsaved := self.session.comments.unsaved):
            leave()
        else:
            self.app.push_screen(UnsavedDialog(unsaved, self.session.status.source), decide)

    def _ask_what(self, then: Callable[[], object]) -> None:
        """Ask what to save, save it, and go on."""

        def export(order: Order | None) -> None:
            if order is not None:
                self.work(self._write_order(order, then))

        picture = self.app.export_screenshot()
        self.app.push_screen(ExportDialog(ways(self._ground(picture)), self.session.status.source), export)

    def _ground(self, picture: str) -> Ground:
        source, call = self.session.source, self.selected_call
        comments = self.session.comments.changed
        is_pcapng = bool(comments) or (isinstance(source, FileSource) and ".pcapng" in source.path.name)
        return Ground(
            self.session,
            self.launch.catalog,
            self._shown_packets,
            self._marked_packets,
            self.browser.listing.marks,
            self.feed.frames.positions,
            self.feed.calls.keys,
            None if call is None else call.key,
            connection_of(self.browser.subject, self.session.store),
            ".pcapng" if is_pcapng else ".pcap",
            comments,
            picture,
        )

    def _shown_packets(self) -> Iterable[int]:
        if self.browser.listing.shown.id == PACKETS:
            return self.feed.packets.numbers[:]
        return packets_of_frames(self.session, self.feed.frames.positions[:])

    async def _marked_packets(self) -> frozenset[int]:
        """Of marked rows: the packets of frames, of calls, of connections, and packets themselves."""
        found, calls, connections = set[int](), set[StreamKey](), set[int]()
        for key, subject in self.browser.listing.marked_rows():
            match subject:
                case _ if isinstance(key, StreamKey):
                    calls.add(key)
                case FrameAt(position):
                    found.update(packets_of_frames(self.session, [position]))
                case PacketAt(number):
                    found.add(number)
                case ConnectionAt(connection):
                    connections.add(connection)
        if calls:
            found |= await packets_of_calls(self.session, calls)
        return frozenset(found | await packets_of_connections(self.session, connections))

    async def _write_order(self, order: Order, then: Callable[[], object]) -> None:
        self.say(await order.way.write(order.path, order.keeps_keys))
        then()
