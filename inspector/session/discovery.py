"""What raw bytes say about ports ahead of tshark, and remarks about a capture as a whole."""

from __future__ import annotations

from collections.abc import Callable

from inspector.capture.port_discovery import FrameScan
from inspector.capture.protocol_detection import Opening, PortFinder
from inspector.model.connection import Cause
from inspector.model.frame import Endpoint
from inspector.pcap.records import holds_tls_keys
from inspector.session.packets import Packets
from inspector.store.store import Change, Store
from inspector.tshark.binary import Decoding
from inspector.tshark.decoder import Decoder


def unreadable(decoding: Decoding) -> str:
    """What to say of ports that speak TLS, where there are no keys; "" when there is nothing to say."""
    if not decoding.tls_ports or decoding.keylog is not None:
        return ""
    ports = ", ".join(map(str, sorted(decoding.tls_ports)))
    return (
        f"Port {ports} speaks TLS: its calls cannot be seen without the keys. Have the client or the server write "
        "them (KeyLogWriter for Go, --tls-keylog for Node, SSLKEYLOGFILE for curl, an agent such as jSSLKeyLog for "
        "Java) and name the file with --tls-keylog."
    )


def nothing_seen(store: Store, decoding: Decoding, *, is_live: bool) -> str:
    """What to say of a capture in which no frame was found; "" when there is nothing to say."""
    if store.frames or is_live or any(each.why for each in store.connections.values()):
        return ""
    if not store.packets:
        return "There is no packet in this capture."
    if note := unreadable(decoding):
        return note
    if decoding.keylog is not None and decoding.tls_ports:
        return f"None of the keys in {decoding.keylog} decrypts this capture."
    if decoding.ports:
        ports = ", ".join(map(str, sorted(decoding.ports)))
        return f"No HTTP/2 frame was found on port {ports} in {store.packets:,} packets."
    return (
        f"No connection in these {store.packets:,} packets begins with HTTP/2's preface. If the capture began later "
        "than the connection, name the service's port with --port N."
    )


class Failures:
    """What to say of connections that never came to carry HTTP/2: once for each server and cause."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._told: set[tuple[Endpoint, Cause]] = set()

    def news(self, change: Change) -> str:
        """The sentence about the latest of those that a change is about; "" when there is nothing new to say."""
        said = ""
        for index in sorted(change.connections):
            connection = self._store.connections[index]
            if connection.why is not None and (connection.server, connection.why.cause) not in self._told:
                self._told.add((connection.server, connection.why.cause))
                said = f"{connection.client} → {connection.server}: {connection.why.sentence}"
        return said


class PortDiscovery:
    """One capture's bytes, heard in their order."""

    def __init__(
        self, decoder: Decoder, packets: Packets, on_notice: Callable[[str], None], *, knows_its_port: bool
    ) -> None:
        """`knows_its_port` when nothing but one service's port is captured: then no others are looked for by frames."""
        self._decoder = decoder
        self._packets = packets
        self._on_notice = on_notice
        self._finder = PortFinder()
        self._scan = None if knows_its_port else FrameScan()
        self._has_keys = False
        """True when the capture itself holds keys of TLS."""
        self.decided: frozenset[int] = frozenset()
        """Ports of which a person has said what they carry."""

    def go_on_for(self, former: PortDiscovery) -> None:
        """What another has heard of the same capture does not come again."""
        self._finder, self._scan, self._has_keys = former._finder, former._scan, former._has_keys
        self._decoder.know_what(former._decoder)

    def hear(self, data: bytes) -> None:
        """The next bytes of the capture."""
        self._has_keys = self._has_keys or holds_tls_keys(data)
        for found, openings in self._finder.feed(data):
            self._decoder.hear(found)
            for opening in openings:
                self._learn(opening)
        for opening in self._scan.feed(data) if self._scan else ():
            self._learn(opening)

    def _learn(self, opening: Opening) -> None:
        if opening.port in self.decided:
            return
        before = self._decoder.decoding
        is_news = self._decoder.learn(opening)
        if self._decoder.decoding != before:
            self._packets.decode_anew()
        if is_news and opening.is_answer and not self._has_keys and (note := unreadable(self._decoder.decoding)):
            self._on_notice(note)
