"""Where a capture comes from, as a value: a service on the network, a file, or standard input."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from inspector.capture.target import Target
from inspector.errors import SourceError, UsageError

GREET_TARGET: Final = Target("localhost", 37564)
"""Where the greet service listens."""
_SOURCE_HINT: Final = "Name a capture file, a service as HOST:PORT, or - for a capture on standard input."


@dataclass(frozen=True, slots=True)
class LiveSource:
    """The traffic of a service, captured as it happens."""

    target: Target
    engine: str = "auto"
    interface: str | None = None
    greet: bool = False
    """True to start the greet service on the target, or to find it there."""

    def __str__(self) -> str:
        return str(self.target)


@dataclass(frozen=True, slots=True)
class FileSource:
    """A capture file, pcap or pcapng, perhaps gzipped."""

    path: Path

    def __str__(self) -> str:
        return self.path.name


@dataclass(frozen=True, slots=True)
class StdinSource:
    """A capture that another program writes to our standard input."""

    def __str__(self) -> str:
        return "standard input"


Source: TypeAlias = LiveSource | FileSource | StdinSource


def own_ports(source: Source) -> frozenset[int]:
    """The ports of a source that are decoded without asking: a service's own."""
    return frozenset({source.target.port} if isinstance(source, LiveSource) and source.target.port else ())


def parse_source(text: str, *, engine: str = "auto", interface: str | None = None) -> Source:
    """HOST:PORT, `-`, or the path of a capture file; what exists as a file is one.

    Raises:
        SourceError: neither a file nor a host with a port.
        UsageError: an empty name, or a HOST:PORT that is none.
    """
    if text == "-":
        return StdinSource()
    if not text.strip():
        raise UsageError("The source has no name.", _SOURCE_HINT)
    if _is_there(path := expanded(text)):
        return FileSource(path)
    try:
        return LiveSource(Target.parse(text), engine, interface)
    except UsageError as error:
        if "/" not in text and ":" in text:
            raise
        raise SourceError(f"There is no file {text}.", _SOURCE_HINT) from error


def expanded(text: str) -> Path:
    """A path as typed, `~` and `~user` read as a shell does: where there is no such user, as they stand."""
    return Path(os.path.expanduser(text))  # noqa: PTH111 - Path.expanduser fails for a user who is unknown


def _is_there(path: Path) -> bool:
    """True for what may not be looked at too: opening it tells why."""
    try:
        return path.exists()
    except OSError:
        return True
