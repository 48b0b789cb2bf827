"""Where a capture comes from: HOST:PORT or unix:PATH, a file, or standard input."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from inspector.capture.left_captures import LeftCapture
from inspector.errors import SourceError, UsageError
from inspector.files import expand, status_of

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


GREET_TARGET: Final = Target("localhost", 37564)
"""Where the greet service listens."""
_DESCRIPTORS: Final = Path("/dev/fd")
_SOURCE_HINT: Final = "Name a capture file, a service as HOST:PORT, or - for a capture on standard input."


@dataclass(frozen=True, slots=True)
class LiveSource:
    """The traffic of a service, captured as it happens."""

    target: Target
    engine: str = "auto"
    interface: str | None = None
    greet: bool = False
    """True to start the greet service on the target, or to find it there."""
    listen: Target | None = None
    """Where the tap listens; None for the greet service's own port, or a free port of localhost."""
    ports: frozenset[int] = frozenset()
    """Further TCP ports of the same host that are captured; the tap cannot."""

    def __str__(self) -> str:
        return str(self.target)


@dataclass(frozen=True, slots=True)
class FileSource:
    """A capture file, pcap or pcapng, perhaps gzipped."""

    path: Path
    left: LeftCapture | None = None
    """What this is, where a run that was killed has left it; then it may be in several files."""

    def __str__(self) -> str:
        if self.left is not None:
            return str(self.left)
        is_descriptor = self.path.parent == _DESCRIPTORS  # as of `<(tcpdump -U -w -)`, of which the name is a number
        return str(self.path) if is_descriptor else self.path.name


@dataclass(frozen=True, slots=True)
class StdinSource:
    """A capture that another program writes to our standard input."""

    descriptor: int = 0
    """Where it is read: not at 0 where the app has its keys from there. Read once, and closed then."""

    def __str__(self) -> str:
        return "standard input"


Source: TypeAlias = LiveSource | FileSource | StdinSource


def own_ports(source: Source) -> frozenset[int]:
    """The ports of a source that are decoded without asking: a service's own."""
    return frozenset({source.target.port} if isinstance(source, LiveSource) and source.target.port else ())


def parse_source(text: str) -> Source:
    """HOST:PORT, `unix:PATH`, `-`, or the path of a capture file; what exists as a file is one, except `unix:PATH`.

    Raises:
        SourceError: neither a file nor a host with a port.
        UsageError: an empty name, or a HOST:PORT that is none.
    """
    if text == "-":
        return StdinSource()
    if not text.strip():
        raise UsageError("The source has no name.", _SOURCE_HINT)
    if Target.is_unix(text):
        return LiveSource(Target.parse(text))
    if _is_there(path := expand(text)):
        return FileSource(path)
    try:
        return LiveSource(Target.parse(text))
    except UsageError as error:
        if "/" not in text and ":" in text:
            raise
        raise SourceError(f"There is no file {text}.", _SOURCE_HINT) from error


def _is_there(path: Path) -> bool:
    """True for what may not be looked at too: opening it tells why."""
    try:
        return status_of(path) is not None
    except OSError:
        return True
