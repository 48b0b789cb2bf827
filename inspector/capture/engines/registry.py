"""The capture engines and what each can do: the only table of them.

Imported by the command line, so it must load fast: `start` has the code that runs an engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class EngineType:
    """A capture engine and its capabilities."""

    name: str
    """As in `--engine`, and for a program its command."""
    strength: str
    """What the user gains or loses by it: a sentence."""
    needs_privileges: bool = True
    is_relay: bool = False
    """True when it sees only the calls that clients send to its own address, which may have to be shown to them."""
    has_interfaces: bool = True
    """True when it captures on a network interface, which can be chosen."""
    has_multiple_ports: bool = True
    """True when it can capture further ports of the same host."""
    has_unix_sockets: bool = False
    """True when the service may be a Unix socket."""


TCPDUMP: Final = EngineType("tcpdump", "A packet is here about a millisecond after the wire.")
DUMPCAP: Final = EngineType("dumpcap", "Packets arrive in batches, up to a quarter of a second after the wire.")
TAP: Final = EngineType(
    "tap",
    "A relay on localhost, which needs no privilege.",
    needs_privileges=False,
    is_relay=True,
    has_interfaces=False,
    has_multiple_ports=False,
    has_unix_sockets=True,
)

ENGINES: Final[Mapping[str, EngineType]] = {engine.name: engine for engine in (TCPDUMP, DUMPCAP, TAP)}
"""By name, in the order in which they are tried."""
AUTO: Final = "auto"
CHOICES: Final = (AUTO, *ENGINES)
"""What `--engine` accepts."""


def candidates(choice: str, *, unix_socket: bool = False, listens: bool = False) -> tuple[EngineType, ...]:
    """Return the engines of a choice that can capture a Unix socket, or listen on an address; preferred ones first."""
    engines = ENGINES.values() if choice == AUTO else (ENGINES[choice],)
    return tuple(
        engine
        for engine in engines
        if (engine.has_unix_sockets or not unix_socket) and (engine.is_relay or not listens)
    )


def is_relay(name: str | None) -> bool:
    """True for the name of an engine that relays; False for None, before an engine has started, and for `auto`."""
    return name is not None and name in ENGINES and ENGINES[name].is_relay
