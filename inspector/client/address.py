"""Where a service is: HOST:PORT, or `unix:PATH` for a socket of this host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from inspector.errors import UsageError
from inspector.model.endpoint import Endpoint

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
