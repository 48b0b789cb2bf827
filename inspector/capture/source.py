"""The source of a capture: a service as HOST:PORT or unix:PATH, a file, or standard input."""

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
MAX_SOCKET_PATH: Final = (104 if sys.platform == "darwin" else 108) - 1
"""Bytes of a Unix socket's path: sockaddr_un.sun_path without the terminating zero (unix(7))."""


@dataclass(frozen=True, slots=True)
class Target:
    """A service's host name or address, IPv6 without brackets, and its TCP port; or the path of a Unix socket."""

    host: str
    port: int
    """0 for a Unix socket, and for a listener on any free port."""
    path: str = ""
    """Of a Unix socket; empty for TCP."""

    @classmethod
    def parse(cls, text: str) -> Target:
        """Parse `HOST:PORT`, `[IPV6]:PORT`, `:PORT` for localhost, or `unix:PATH`; raise UsageError otherwise."""
        return cls._parse(text, lowest_port=1)

    @classmethod
    def parse_listener(cls, text: str) -> Target:
        """Parse an address to listen on: the same forms, and port 0 for any free one."""
        return cls._parse(text, lowest_port=0)

    @classmethod
    def _parse(cls, text: str, lowest_port: int) -> Target:
        if cls.is_unix(text):
            path = text.removeprefix(_UNIX)
            if (length := len(os.fsencode(path))) > MAX_SOCKET_PATH:
                raise UsageError(
                    f"The path of the Unix socket has {length} bytes, and the system allows {MAX_SOCKET_PATH}.",
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
"""The default address of the greet service."""
_DESCRIPTORS: Final = Path("/dev/fd")
_SOURCE_HINT: Final = "Name a capture file, a service as HOST:PORT, or - for a capture on standard input."


@dataclass(frozen=True, slots=True)
class LiveSource:
    """The traffic of a service, captured as it happens."""

    target: Target
    engine: str = "auto"
    interface: str | None = None
    greet: bool = False
    """True to use the greet service on the target, starting it where it does not run."""
    listen: Target | None = None
    """Where the tap listens; None for the target with the greet service, else for a free port of localhost."""
    ports: frozenset[int] = frozenset()
    """Further TCP ports of the same host to capture, which the tap cannot."""

    def __str__(self) -> str:
        return str(self.target)


@dataclass(frozen=True, slots=True)
class FileSource:
    """A capture file: pcap or pcapng, plain or gzipped."""

    path: Path
    left: LeftCapture | None = None
    """The capture of a killed run to which the path belongs, which may have further files."""

    def __str__(self) -> str:
        if self.left is not None:
            return str(self.left)
        is_descriptor = self.path.parent == _DESCRIPTORS  # such as `<(tcpdump -U -w -)`, whose name is a number
        return str(self.path) if is_descriptor else self.path.name


@dataclass(frozen=True, slots=True)
class StdinSource:
    """A capture that another program writes to our standard input."""

    descriptor: int = 0
    """Where it is read, then closed: another number than 0 where the app reads its keys from there."""

    def __str__(self) -> str:
        return "standard input"


Source: TypeAlias = LiveSource | FileSource | StdinSource


def own_ports(source: Source) -> frozenset[int]:
    """Return the ports of a source that are decoded in any case: that of a service."""
    return frozenset({source.target.port} if isinstance(source, LiveSource) and source.target.port else ())


def parse_source(text: str) -> Source:
    """Parse HOST:PORT, `unix:PATH`, `-`, or a path. An existing file comes first, except before `unix:PATH`.

    Raises:
        SourceError: It is neither a file nor HOST:PORT.
        UsageError: It is empty, or an invalid HOST:PORT.
    """
    if text == "-":
        return StdinSource()
    if not text.strip():
        raise UsageError("The source has no name.", _SOURCE_HINT)
    if Target.is_unix(text):
        return LiveSource(Target.parse(text))
    if _exists(path := expand(text)):
        return FileSource(path)
    try:
        return LiveSource(Target.parse(text))
    except UsageError as error:
        if "/" not in text and ":" in text:
            raise
        raise SourceError(f"There is no file {text}.", _SOURCE_HINT) from error


def _exists(path: Path) -> bool:
    """True also for a path that this user may not examine: opening it explains why."""
    try:
        return status_of(path) is not None
    except OSError:
        return True
