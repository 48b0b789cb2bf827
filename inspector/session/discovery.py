"""Ports whose protocol is detected in the raw bytes, ahead of tshark, and notices about a capture as a whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from inspector.capture.port_discovery import FrameScan
from inspector.capture.protocol_detection import Opening, PortFinder
from inspector.model.connection import Cause
from inspector.model.frame import Endpoint
from inspector.pcap.records import holds_tls_keys
from inspector.session.packets import Packets
from inspector.store.store import Change, Store
from inspector.tshark.binary import Decoding
from inspector.tshark.decoder import Decoder


def notice_of_missing_keys(decoding: Decoding) -> str:
    """Return a sentence about ports that speak TLS when there is no key log; empty for none."""
    if not decoding.tls_ports or decoding.keylog is not None:
        return ""
    ports = _listed(decoding.tls_ports)
    return (
        f"Port {ports} speaks TLS: its calls cannot be read without the keys. Make the client or the server log them "
        "(KeyLogWriter in Go, --tls-keylog in Node.js, SSLKEYLOGFILE for curl, an agent such as jSSLKeyLog for Java), "
        "and pass the file with --tls-keylog."
    )


def notice_of_empty_capture(store: Store, decoding: Decoding) -> str:
    """Return a sentence about why a capture that has ended shows no frame; empty for one that does."""
    if store.frames or any(each.diagnosis for each in store.connections.values()):
        return ""
    if not store.packets:
        return "This capture has no packets."
    if notice := notice_of_missing_keys(decoding):
        return notice
    if decoding.keylog is not None and decoding.tls_ports:
        return f"None of the keys in {decoding.keylog} decrypts this capture."
    if decoding.ports:
        return f"No HTTP/2 frame was found on port {_listed(decoding.ports)} in {store.packets:,} packets."
    return (
        f"No connection in these {store.packets:,} packets begins with the HTTP/2 preface. If the capture began later "
        "than the connection, name the port of the service with --port N."
    )


def _listed(ports: frozenset[int]) -> str:
    return ", ".join(map(str, sorted(ports)))


class FailureNotices:
    """Notices about connections that failed before they carried HTTP/2: one for each server and cause."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reported: set[tuple[Endpoint, Cause]] = set()

    def update(self, change: Change) -> str:
        """Return the latest notice that a change gives rise to; empty for none."""
        notice = ""
        for index in sorted(change.connections):
            connection = self._store.connections[index]
            if (
                connection.diagnosis is not None
                and (connection.server, connection.diagnosis.cause) not in self._reported
            ):
                self._reported.add((connection.server, connection.diagnosis.cause))
                notice = f"{connection.client} → {connection.server}: {connection.diagnosis.sentence}"
        return notice


@dataclass(frozen=True, slots=True)
class DiscoveryState:
    """What was detected in the bytes of a capture, for the session that reads the capture again."""

    finder: PortFinder
    scan: FrameScan | None
    has_keys: bool
    """True when the capture itself holds TLS keys."""
    chosen_ports: frozenset[int]
    """Ports whose decoding the user has chosen."""
    decoder: Decoder
    """The decoder of the former session, which has the protocols that were detected."""


class PortDiscovery:
    """Detects protocols in the bytes of one capture and has the decoder decode them."""

    def __init__(
        self,
        decoder: Decoder,
        packets: Packets,
        on_notice: Callable[[str], None],
        state: DiscoveryState | None = None,
        *,
        is_one_port: bool,
    ) -> None:
        """With `is_one_port`, only the port of one service is captured, and no others are searched for."""
        self._decoder = decoder
        self._packets = packets
        self._on_notice = on_notice
        self._finder = state.finder if state else PortFinder()
        self._scan = state.scan if state else None if is_one_port else FrameScan()
        self._has_keys = state.has_keys if state else False
        self._chosen_ports = state.chosen_ports if state else frozenset[int]()
        if state is not None:
            decoder.continue_from(state.decoder)

    def state(self, chosen_ports: frozenset[int]) -> DiscoveryState:
        """Return what the next session needs; `chosen_ports` are those that the user decodes differently in it."""
        return DiscoveryState(
            self._finder, self._scan, self._has_keys, self._chosen_ports | chosen_ports, self._decoder
        )

    def feed(self, data: bytes) -> None:
        """Examine the next bytes of the capture."""
        self._has_keys = self._has_keys or holds_tls_keys(data)
        for found, openings in self._finder.feed(data):
            self._decoder.ingest.marker.note(found)
            for opening in openings:
                self._decode(opening)
        for opening in self._scan.feed(data) if self._scan else ():
            self._decode(opening)

    def _decode(self, opening: Opening) -> None:
        if opening.port in self._chosen_ports:
            return
        before = self._decoder.decoding
        is_new = self._decoder.open_port(opening)
        if self._decoder.decoding != before:
            self._packets.decode_anew()
        is_first_answer = is_new and opening.is_answer
        if is_first_answer and not self._has_keys and (notice := notice_of_missing_keys(self._decoder.decoding)):
            self._on_notice(notice)
