"""tcpdump and dumpcap: their command lines, and one of them at work."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from asyncio.subprocess import PIPE, STDOUT, Process
from collections import deque
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Final

from inspector import processes
from inspector.capture.engines import permissions
from inspector.capture.route import Route
from inspector.capture.source import Target
from inspector.errors import EngineError, reason, remedy
from inspector.processes import READ_SIZE, make_pipe, open_reader

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
    process = await processes.spawn(name, "--help", stdout=PIPE, stderr=STDOUT)
    output, _ = await process.communicate()
    await processes.end(process)
    return output.decode(errors="replace")


_START_SECONDS = 10.0
_NICENESS = -10
_ASK_SECONDS = 2.0
"""How often it is asked for its count of lost packets."""
_LINES_KEPT = 40
_LINE_ENDS = re.compile(r"[\r\n]")


class ProgramEngine:
    """A running tcpdump or dumpcap; made by `start_program`."""

    notice = ""
    own_client_ports: frozenset[int] = frozenset()

    def __init__(
        self,
        program: Program,
        process: Process,
        reading: tuple[asyncio.StreamReader, asyncio.ReadTransport],
        route: Route,
        target: Target,
    ) -> None:
        self.name = program.name
        self.interface = route.interface
        self.target = target
        self.reason = program.strength
        self.dropped = 0
        self._heard = asyncio.Event()
        """Set once the program captures, or has ended instead."""
        self._program = program
        self._process = process
        self._reader, self._transport = reading
        self._lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self._is_live = False
        self._stopped = False
        self._is_behind = False
        self._hearing = asyncio.create_task(self._hear())
        self._asking = asyncio.create_task(self._ask())

    async def wait_ready(self) -> bool:
        """Wait until it says that it captures; where it does not, or this is cancelled, nothing of it stays."""
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._heard.wait()
        except TimeoutError:
            self._lines.append(f"It did not say within {_START_SECONDS:.0f} seconds that it captures.")
        except asyncio.CancelledError:
            self.abandon()
            await self._reap()
            raise
        if not self._is_live:
            self.abandon()
        return self._is_live

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give its output as it comes; raises EngineError when it ended though nobody stopped it."""
        try:
            while data := await self._reader.read(READ_SIZE):
                self._is_behind = len(data) == READ_SIZE
                yield data
        finally:
            self._transport.close()
        if not self._stopped:
            words = await self.last_words()
            raise EngineError(f"{self.name} ended by itself: {words}", "Start the capture again.")

    async def stop(self) -> None:
        """End the program; packets that it has read already still come through `chunks`."""
        self._stopped = True
        await self._reap()

    async def pause(self) -> None:
        """End the capture, which is all that there is."""
        await self.stop()

    async def last_words(self) -> str:
        """Reap the program and tell why it ended, in its own words where it had any."""
        status = await self._reap()
        words = self._program.refusal(self._lines)
        silent = (
            f"It was ended by {processes.signal_name(-status)}."
            if status < 0
            else f"It said nothing (exit status {status})."
        )
        return words or silent

    def abandon(self) -> None:
        """Close the pipe of a program whose packets nobody reads."""
        self._transport.close()

    async def _reap(self) -> int:
        self._asking.cancel()
        status = await processes.end(self._process)
        await self._hearing
        return status

    async def _hear(self) -> None:
        """Follow what the program says, to its end."""
        stream = self._process.stderr
        rest = ""
        while stream is not None and (data := await stream.read(4096)):
            *lines, rest = _LINE_ENDS.split(rest + data.decode(errors="replace"))
            for line in lines:
                self._take(line)
        self._take(rest)
        self._heard.set()

    def _take(self, line: str) -> None:
        self._lines.append(line)
        if self._program.ready.search(line):
            self._is_live = True
            self._heard.set()
        if count := self._program.dropped.search(line):
            self.dropped = int(count[1])

    async def _ask(self) -> None:
        """Ask for the count of lost packets, but not while its output waits for us: a signal may cut a write short."""
        await self._heard.wait()
        while self._program.ask is not None:
            await asyncio.sleep(_ASK_SECONDS)
            if not self._is_behind and self._process.returncode is None:
                self._process.send_signal(self._program.ask)


def _prefer(pid: int) -> None:
    """Let a capture program run before others, where that is allowed: it has little to do, and loses what it misses."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, _NICENESS)


async def start_program(program: Program, route: Route, target: Target) -> ProgramEngine:
    """Start a capture program and wait until it says that it captures; raises EngineError with its refusal."""
    reading, writing = make_pipe()
    try:
        process = await processes.spawn(
            *await program.command(route), stdout=writing, env={**os.environ, "LC_ALL": "C"}
        )
    except OSError as error:
        os.close(reading)
        raise _cannot_run(program, error) from error
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    _prefer(process.pid)
    engine = ProgramEngine(program, process, await open_reader(reading), route, target)
    if await engine.wait_ready():
        return engine
    words = (await engine.last_words()).removeprefix(f"{route.interface}: ")
    raise EngineError(f"{program.name} cannot capture on {route.interface}: {words}", _cure(program, words))


def _cannot_run(program: Program, error: OSError) -> EngineError:
    if isinstance(error, PermissionError):
        return EngineError(f"This user may not run {program.name}.", permissions.allow(program.name))
    if isinstance(error, FileNotFoundError):
        return EngineError(f"{program.name} is not installed.", permissions.install(program.name))
    return EngineError(f"{program.name} cannot be run: {reason(error)}.", remedy(error))


def _cure(program: Program, words: str) -> str:
    """Tell what to do about a refusal; one that is not about permission speaks for itself."""
    return permissions.allow(program.name) if re.search(r"permission|permitted", words, re.IGNORECASE) else ""
