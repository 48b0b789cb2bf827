"""HOST:PORT or unix:PATH, as a person types it: the service whose calls are to be seen."""

from __future__ import annotations

import re
from dataclasses import dataclass

from inspector.errors import UsageError

_FORM = re.compile(r"(?:\[(?P<bracketed>[^\[\]]*)\]|(?P<plain>[^\[\]:/\s]*)):(?P<port>[0-9]{1,5})", re.ASCII)
_HINT = "Write HOST:PORT, as in localhost:37564 or [::1]:37564, or unix:PATH."
_UNIX = "unix:"


@dataclass(frozen=True, slots=True)
class Target:
    """A service's host name or address, IPv6 without brackets, and its TCP port; or the path of a Unix socket."""

    host: str
    port: int
    """0 for a Unix socket."""
    path: str = ""
    """Of a Unix socket; empty for TCP."""

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read `HOST:PORT`, `[IPV6]:PORT`, `:PORT`, which is localhost, or `unix:PATH`; raises UsageError."""
        if text.startswith(_UNIX) and text != _UNIX:
            return cls("", 0, text.removeprefix(_UNIX))
        form = _FORM.fullmatch(text.strip())
        if form is None:
            raise UsageError(f"{text!r} is not a host with a port.", _HINT)
        port = int(form["port"])
        if not 0 < port < 65536:
            raise UsageError(f"{port} is not a TCP port: they go from 1 to 65535.", _HINT)
        return cls(form["bracketed"] or form["plain"] or "localhost", port)

    def __str__(self) -> str:
        if self.path:
            return f"{_UNIX}{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
