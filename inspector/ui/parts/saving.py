"""Saving and exporting: what there is to choose from, and the sentence on what was written.

Also asks, before a capture is left, what becomes of comments that are not saved, and of what is being written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from inspector.capture.saving import write_private
from inspector.model.call import StreamKey
from inspector.schema.catalog import Catalog
from inspector.session import FileSource, Session
from inspector.session.extracts import packets_of_calls, packets_of_connections, packets_of_frames
from inspector.ui.copies import SecretSwitch, masked_words, secrets_label
from inspector.ui.exports import Ground, Picture, ways
from inspector.ui.lists.tabs import PACKETS
from inspector.ui.messages import SaveAsked
from inspector.ui.parts.running_saves import RunningSaves
from inspector.ui.parts.stage import Actions, Hears, Stage
from inspector.ui.screens.export_dialog import ExportDialog, Order
from inspector.ui.screens.save_dialog import Place, SaveDialog
from inspector.ui.screens.unsaved_dialog import Parting, UnsavedDialog
from inspector.ui.subject import ConnectionAt, FrameAt, PacketAt, connection_of
from inspector.ui.widgets.browser import Browser


class Saving:
    """Writes files."""

    def __init__(
        self,
        stage: Stage,
        session: Session,
        catalog: Catalog,
        browser: Browser,
        picture: Callable[[], str],
        secrets: SecretSwitch,
    ) -> None:
        """`picture` gives the whole screen as it is by then, as SVG."""
        self._stage, self._session, self._picture = stage, session, picture
        self._catalog, self._browser, self._feed = catalog, browser, browser.feed
        self._secrets = secrets
        self.running = RunningSaves(stage)

    @property
    def actions(self) -> Actions:
        """Save or export."""
        return {"save": lambda: self._ask_what(_nothing)}

    @property
    def hears(self) -> Hears:
        """What a pane wants to be saved."""
        return {SaveAsked: self._ask_where}

    def part(self, leave: Callable[[], object]) -> None:
        """Leave this capture: at once, or as somebody decides who would lose something."""
        self.running.part(lambda: self._part_from_comments(leave))

    def _part_from_comments(self, leave: Callable[[], object]) -> None:
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
            self.running.begin(order.path.name, order.way.write(order.path, order.included), then)

        dialog = ExportDialog(ways(self._ground()), self._session.status.source, self._secrets)
        self._stage.ask(dialog, export)

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
            self._pictures(),
            self._secrets,
        )

    def _pictures(self) -> Picture:
        clear, mask = self._picture(), self._secrets.mask(is_on=False)
        detail = self._browser.detail
        with detail.pane.masked(mask):
            return Picture(self._picture() if mask.count else clear, clear, mask, detail.shows_bytes)

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
        mask = self._secrets.mask()
        data, name = event.make(mask)
        clear = event.make(self._secrets.mask(is_on=True))[0] if mask.count else data
        label = secrets_label(mask.secrets) if mask.count else ""
        dialog = SaveDialog(f"{self._session.status.source} {name}", _suffix(data), f"Save {name}", label)

        def save(place: Place) -> None:
            remark = "raw bytes, secrets in them too" if event.is_raw and not mask.secrets.are_shown else ""
            remark = remark or ("" if place.shows_secrets else masked_words(mask))
            said = f"Saved {name} as {place.path}{remark and f': {remark}'}"
            self._stage.work(self._write(place.path, clear if place.shows_secrets else data, said))

        self._stage.ask(dialog, save)

    async def _write(self, path: Path, data: bytes, said: str) -> None:
        write_private(path, data)
        self._stage.say(said)


def _suffix(data: bytes) -> str:
    return ".bin" if b"\0" in data else ".txt"


def _nothing() -> None:
    """Go nowhere when it is saved."""
