"""Sentences about a capture as a whole: why nothing is seen of it, and what would help."""

from __future__ import annotations

from inspector.capture.tshark import Decoding
from inspector.model.endpoint import Endpoint
from inspector.model.why import Cause
from inspector.store.change import Change
from inspector.store.store import Store


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
