"""How to reach a service and how to call it, as values: address, security, metadata, deadline."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from inspector.errors import RequestError, UsageError
from inspector.model.frame import Endpoint

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


_UNIX: Final = "unix:"
_HERE: Final = "localhost"


@dataclass(frozen=True, slots=True)
class Address:
    """A place that calls can go to; as text, what gRPC takes for it."""

    text: str
    service: Endpoint | None
    """None for a Unix socket."""

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read HOST:PORT, :PORT, [HOST]:PORT or unix:PATH; raises UsageError."""
        if text.startswith(_UNIX) and len(text) > len(_UNIX):
            return cls(text, None)
        host, _, port = text.rpartition(":")
        if not port.isdecimal():
            raise UsageError(f"{text!r} is no HOST:PORT.", "For example: localhost:50051.")
        service = Endpoint(host.strip("[]") or _HERE, int(port))
        return cls(str(service), service)

    def __str__(self) -> str:
        return self.text

    @property
    def path(self) -> str:
        """Of a Unix socket; empty for TCP."""
        return self.text.removeprefix(_UNIX) if self.service is None else ""

    @property
    def authority(self) -> str:
        """The `:authority` of calls, where nobody asks for another: what gRPC makes of it."""
        return _HERE if self.service is None else self.text

    @property
    def host(self) -> str:
        """The name that its certificate is for."""
        return _HERE if self.service is None else self.service.host


class Behind(NamedTuple):
    """The service behind a relay."""

    service: str
    """Where it is, for a person."""
    amiss: str = ""
    """What the relay says of it at this moment, as a plain sentence; empty when all is well."""


_NAME: Final = re.compile(r"[0-9a-z_.-]+")
_VALUE: Final = re.compile(r"[ -~]*")


def check_metadata(metadata: Iterable[tuple[str, str | bytes]]) -> Metadata:
    """The same pairs with names in lower case; raises RequestError for one that cannot be sent."""
    checked = tuple((name.lower(), value) for name, value in metadata)
    for name, value in checked:
        if not _NAME.fullmatch(name):
            raise RequestError(f"{name!r} cannot be the name of metadata.", "Letters, digits, '-', '_' and '.' can.")
        if name.endswith("-bin") != isinstance(value, bytes):
            raise RequestError(f"The metadata {name} has a value of the wrong kind.", "Names in -bin have bytes.")
        if isinstance(value, str) and not _VALUE.fullmatch(value):
            raise RequestError(f"The metadata {name} has a value beyond ASCII.", "A name in -bin takes any bytes.")
    return checked


def parse_metadata(lines: Iterable[str]) -> Metadata:
    """Pairs of `name:value`, in which the value of a name in -bin is base64; raises UsageError."""
    return tuple(_pair(line) for line in lines)


def _pair(text: str) -> tuple[str, str | bytes]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UsageError(f"{text!r} is no metadata.", "Write it as name:value.")
    name, value = name.strip().lower(), value.strip()
    if not name.endswith("-bin"):
        return name, value
    try:
        return name, base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except binascii.Error as error:
        hint = "Names in -bin carry bytes, written as base64."
        raise UsageError(f"The value of {name} is no base64.", hint) from error
