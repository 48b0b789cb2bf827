"""The capture programs, tcpdump and dumpcap: their command lines, and how to read what they say.

The only module that knows their options and words. Both write a classic pcap to standard output and talk on standard
error; starting them and following what they say is `program_engine`'s business.
"""

from __future__ import annotations

import re
import signal
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from inspector import children
from inspector.capture.route import Route

_BUFFER_MIB: Final = 128
"""The kernel's buffer. One slot of tcpdump's holds the largest packet (64 KiB on loopback), so this is two thousand
packets; its default of 2 MiB is 30, and loses most of a burst."""


@dataclass(frozen=True, slots=True)
class Program:
    """What is particular about one capture program."""

    name: str
    strength: str
    """What it is good at, or what is given up by using it: a sentence for the status line."""
    ready: re.Pattern[str]
    """What it says once it captures."""
    dropped: re.Pattern[str]
    """Its count of lost packets, as group 1."""
    noise: re.Pattern[str]
    """Lines that are no part of a refusal."""
    ask: signal.Signals | None = None
    """The signal that makes it tell its counts."""

    async def command(self, route: Route) -> list[str]:
        """Build the command line for a route; raises FileNotFoundError and PermissionError where it cannot be run."""
        return _dumpcap(route, await _options(self.name)) if self is DUMPCAP else _tcpdump(route)

    def refusal(self, lines: Iterable[str]) -> str:
        """Pick what it said against capturing, as one line: its first paragraph, without its own name."""
        words: list[str] = []
        for line in lines:
            if not line.strip() and words:
                break
            if line.strip() and not self.noise.search(line):
                words.append(line.strip().removeprefix(f"{self.name}: "))
        return f"{' '.join(words).rstrip('.')}." if words else ""


TCPDUMP: Final = Program(
    name="tcpdump",
    strength="A packet is here about a millisecond after the wire.",
    ready=re.compile(r"listening on "),
    dropped=re.compile(r"(\d+) packets? dropped by kernel"),
    noise=re.compile(r"listening on |\d+ packets? (captured|received|dropped)|^tcpdump: (verbose output|data link)"),
    ask=getattr(signal, "SIGINFO", signal.SIGUSR1),
)
DUMPCAP: Final = Program(
    name="dumpcap",
    strength="Packets arrive in batches, up to a quarter of a second after the wire.",
    ready=re.compile(r"^File: "),
    dropped=re.compile(r"^Packets received/dropped on interface .*: \d+/(\d+) \("),
    noise=re.compile(r"^(dumpcap: )?(Capturing on|File:|Packets|Running as user|cap_set_proc|'-P' is deprecated)"),
)


def _tcpdump(route: Route) -> list[str]:
    return [
        *("tcpdump", "-U", "--immediate-mode", "-n", "-s", "0", "-B", str(_BUFFER_MIB * 1024), "-w", "-"),
        *("-i", route.interface, route.filter),
    ]


def _dumpcap(route: Route, options: str) -> list[str]:
    prompt = ["--update-interval", "10"] if "--update-interval" in options else []  # from 4.2 on
    classic_pcap = ["-F", "pcap"] if re.search(r"^\s+-F\s", options, re.MULTILINE) else ["-P"]  # -F from 4.6 on
    return [
        *("dumpcap", *classic_pcap, "-q", "-B", str(_BUFFER_MIB), *prompt, "-w", "-"),
        *("-i", route.interface, "-f", route.filter),
    ]


async def _options(name: str) -> str:
    """Read a program's own help text."""
    process = await children.spawn(name, "--help", stdout=PIPE, stderr=STDOUT)
    output, _ = await process.communicate()
    await children.end(process)
    return output.decode(errors="replace")
