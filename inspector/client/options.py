"""What a person can ask for of a connection and of a call, as values.

Reads nothing and checks nothing of the network: files are read, and certificates fetched, when a channel is opened.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeAlias

Metadata: TypeAlias = tuple[tuple[str, str | bytes], ...]
"""Pairs in the order in which they are sent; a name may come twice. Values of `-bin` names are bytes, others text."""

DEADLINE: Final = 5.0
"""Seconds that a call may take, unless its sender says otherwise."""
LARGEST_MESSAGE: Final = 64 * 1024 * 1024
"""Sixteen times what gRPC allows by default: a reply is there to be looked at."""


@dataclass(frozen=True, slots=True)
class Security:
    """TLS, and whom to trust."""

    roots: Path | None = None
    """Authorities to trust, in PEM; None for those that gRPC comes with."""
    certificate: Path | None = None
    """The client's own certificate chain, for mutual TLS; goes with `key`."""
    key: Path | None = None
    server_name: str | None = None
    """The name that the certificate must be for, where that is not the host."""
    is_verified: bool = True
    """False to trust whatever certificate the service shows at that moment: exactly that one."""


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """How to connect."""

    security: Security | None = None
    """None for plaintext."""
    authority: str | None = None
    """The `:authority` of the calls; None for HOST:PORT."""
    keepalive: float | None = None
    """Seconds between the PINGs that keep a quiet connection alive; None for none."""
    largest_message: int = LARGEST_MESSAGE
    """Bytes that a reply may have."""

    def for_service(self, authority: str, host: str) -> ConnectionOptions:
        """The same on the way through a relay: calls and certificates still go by the service's names.

        Where the certificate may be for another name, gRPC takes that one for the authority, as it does without a
        relay, and would refuse calls with any other.
        """
        security = self.security
        if security is None:
            return replace(self, authority=self.authority or authority)
        is_named = security.server_name is not None or not security.is_verified
        named = replace(security, server_name=security.server_name or host)
        return replace(self, security=named, authority=self.authority or (None if is_named else authority))


@dataclass(frozen=True, slots=True)
class CallOptions:
    """How to call."""

    metadata: Metadata = ()
    deadline: float | None = DEADLINE
    """Seconds for all of it, connecting included; None for no end."""
    is_compressed: bool = False
    """True to send the messages gzipped."""
    waits_for_ready: bool = False
    """True to wait, until the deadline, for a service that is not there yet."""


PLAINTEXT: Final = ConnectionOptions()
