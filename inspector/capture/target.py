"""HOST:PORT or unix:PATH, as a person types it: a service whose calls are to be seen, or where the tap listens."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from typing import Final

from inspector.errors import UsageError

_FORM = re.compile(r"(?:\[(?P<bracketed>[^\[\]]*)\]|(?P<plain>[^\[\]:/\s]*)):(?P<port>[0-9]{1,5})", re.ASCII)
_HINT = "Write HOST:PORT, as in localhost:37564 or [::1]:37564, or unix:PATH."
_UNIX = "unix:"
LONGEST_PATH: Final = (104 if sys.platform == "darwin" else 108) - 1
"""Bytes of a Unix socket's path: sockaddr_un.sun_path, less the zero at its end (unix(7))."""


@dataclass(frozen=True, slots=True)
class Target:
    """A service's host name or address, IPv6 without brackets, and its TCP port; or the path of a Unix socket."""

    host: str
    port: int
    """0 for a Unix socket, and for a listener any port that is free."""
    path: str = ""
    """Of a Unix socket; empty for TCP."""

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read `HOST:PORT`, `[IPV6]:PORT`, `:PORT`, which is localhost, or `unix:PATH`; raises UsageError."""
        return cls._parse(text, lowest_port=1)

    @classmethod
    def parse_listener(cls, text: str) -> Target:
        """Read an address to listen on: the same forms, and port 0 for any that is free; raises UsageError."""
        return cls._parse(text, lowest_port=0)

    @classmethod
    def _parse(cls, text: str, lowest_port: int) -> Target:
        if cls.is_unix(text):
            path = text.removeprefix(_UNIX)
            if (length := len(os.fsencode(path))) > LONGEST_PATH:
                raise UsageError(
                    f"The path of the Unix socket has {length} bytes, and the system allows {LONGEST_PATH}.",
                    "Choose a shorter path.",
                )
            return cls("", 0, path)
        form = _FORM.fullmatch(text.strip())
        if form is None:
            raise UsageError(f"{text!r} is not a host with a port.", _HINT)
        port = int(form["port"])
        if not lowest_port <= port < 65536:
            raise UsageError(f"{port} is not a TCP port: they go from {lowest_port} to 65535.", _HINT)
        return cls(form["bracketed"] or form["plain"] or "localhost", port)

    @staticmethod
    def is_unix(text: str) -> bool:
        """True for `unix:PATH`."""
        return text.startswith(_UNIX) and text != _UNIX

    def __str__(self) -> str:
        if self.path:
            return f"{_UNIX}{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
