"""Where a capture comes from, as a value: a service on the network, a file, or standard input."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from inspector.capture.orphans import LeftCapture
from inspector.capture.target import Target
from inspector.errors import SourceError, UsageError
from inspector.paths import expand, status_of

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
