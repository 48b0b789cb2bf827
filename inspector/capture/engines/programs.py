"""tcpdump and dumpcap: their command lines, their messages, and a running one as an engine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from asyncio.subprocess import PIPE, STDOUT, Process
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from inspector import processes
from inspector.capture.engines import permissions, registry
from inspector.capture.engines.registry import EngineType
from inspector.capture.route import Route
from inspector.capture.source import Target
from inspector.errors import EngineError, reason, remedy
from inspector.processes import READ_SIZE, make_pipe, open_reader

_BUFFER_MIB: Final = 128
"""The kernel's buffer. One slot of tcpdump's holds the largest packet (64 KiB on loopback), so this is two thousand
packets; its default of 2 MiB is 30, and loses most of a burst."""


@dataclass(frozen=True, slots=True)
class Program:
    """How one capture program is called, and how its messages are read."""

    engine: EngineType
    command: Callable[[Route], Awaitable[list[str]]]
    """Builds its command line; raises FileNotFoundError and PermissionError where it cannot be run."""
    ready: re.Pattern[str]
    """Matches the line by which it reports that it captures."""
    dropped: re.Pattern[str]
    """Matches its count of lost packets, group 1."""
    noise: re.Pattern[str]
    """Matches lines that do not belong to a refusal."""
    report_signal: signal.Signals | None = None
    """Makes it print its counts."""

    @property
    def name(self) -> str:
        """The name of its engine and of its command."""
        return self.engine.name

    def refusal(self, lines: Iterable[str]) -> str:
        """Return why it does not capture as one line: the first paragraph of its messages, without its own name."""
        paragraph: list[str] = []
        for line in lines:
            if not line.strip() and paragraph:
                break
            if line.strip() and not self.noise.search(line):
                paragraph.append(line.strip().removeprefix(f"{self.name}: "))
        return f"{' '.join(paragraph).rstrip('.')}." if paragraph else ""


async def _tcpdump(route: Route) -> list[str]:
    return [
        *("tcpdump", "-U", "--immediate-mode", "-n", "-s", "0", "-B", str(_BUFFER_MIB * 1024), "-w", "-"),
        *("-i", route.interface, route.filter),
    ]


async def _dumpcap(route: Route) -> list[str]:
    options = await _help_of("dumpcap")
    prompt = ["--update-interval", "10"] if "--update-interval" in options else []  # from 4.2 on
    classic_pcap = ["-F", "pcap"] if re.search(r"^\s+-F\s", options, re.MULTILINE) else ["-P"]  # -F from 4.6 on
    return [
        *("dumpcap", *classic_pcap, "-q", "-B", str(_BUFFER_MIB), *prompt, "-w", "-"),
        *("-i", route.interface, "-f", route.filter),
    ]


async def _help_of(name: str) -> str:
    process = await processes.spawn(name, "--help", stdout=PIPE, stderr=STDOUT)
    output, _ = await process.communicate()
    await processes.end(process)
    return output.decode(errors="replace")


TCPDUMP: Final = Program(
    engine=registry.TCPDUMP,
    command=_tcpdump,
    ready=re.compile(r"listening on "),
    dropped=re.compile(r"(\d+) packets? dropped by kernel"),
    noise=re.compile(r"listening on |\d+ packets? (captured|received|dropped)|^tcpdump: (verbose output|data link)"),
    report_signal=getattr(signal, "SIGINFO", signal.SIGUSR1),
)
DUMPCAP: Final = Program(
    engine=registry.DUMPCAP,
    command=_dumpcap,
    ready=re.compile(r"^File: "),
    dropped=re.compile(r"^Packets received/dropped on interface .*: \d+/(\d+) \("),
    noise=re.compile(r"^(dumpcap: )?(Capturing on|File:|Packets|Running as user|cap_set_proc|'-P' is deprecated)"),
)
PROGRAMS: Final = {program.name: program for program in (TCPDUMP, DUMPCAP)}

_START_SECONDS = 10.0
_NICENESS = -10
"""Of a capture program, where that is allowed: it has little to do, and loses the packets that it is late for."""
_REPORT_SECONDS = 2.0
"""Between two requests for the count of lost packets."""
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
        output: tuple[asyncio.StreamReader, asyncio.ReadTransport],
        route: Route,
        target: Target,
    ) -> None:
        self.name = program.name
        self.interface = route.interface
        self.target = target
        self.reason = program.engine.strength
        self.dropped = 0
        self._ready_or_ended = asyncio.Event()
        self._program = program
        self._process = process
        self._reader, self._transport = output
        self._lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self._is_capturing = False
        self._is_stopped = False
        self._is_behind = False
        """True while the program may wait for us to read its output."""
        self._reading_messages = asyncio.create_task(self._read_messages())
        self._requesting_counts = asyncio.create_task(self._request_counts())

    async def wait_ready(self) -> bool:
        """Wait until the program reports that it captures; otherwise, or when cancelled, close its output."""
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._ready_or_ended.wait()
        except TimeoutError:
            self._lines.append(f"It did not report within {_START_SECONDS:.0f} seconds that it captures.")
        except asyncio.CancelledError:
            self.abandon()
            await self._reap()
            raise
        if not self._is_capturing:
            self.abandon()
        return self._is_capturing

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield its output as it comes; raise EngineError when it ended without being stopped."""
        try:
            while data := await self._reader.read(READ_SIZE):
                self._is_behind = len(data) == READ_SIZE
                yield data
        finally:
            self._transport.close()
        if not self._is_stopped:
            raise EngineError(f"{self.name} ended by itself: {await self.end_reason()}", "Start the capture again.")

    async def stop(self) -> None:
        """End the program; the packets that it has read still come through `chunks`."""
        self._is_stopped = True
        await self._reap()

    async def pause(self) -> None:
        """End the program, which cannot pause."""
        await self.stop()

    def resume(self) -> bool:
        """Return False: another program must be started."""
        return False

    async def end_reason(self) -> str:
        """Reap the program and return why it ended, in its own words where it printed any."""
        status = await self._reap()
        refusal = self._program.refusal(self._lines)
        silent = (
            f"It was ended by {processes.signal_name(-status)}."
            if status < 0
            else f"It said nothing (exit status {status})."
        )
        return refusal or silent

    def abandon(self) -> None:
        """Close the pipe of a program whose packets will not be read."""
        self._transport.close()

    async def _reap(self) -> int:
        self._requesting_counts.cancel()
        status = await processes.end(self._process)
        await self._reading_messages
        return status

    async def _read_messages(self) -> None:
        """Read the program's standard error to its end; lines may end with CR, as those of a progress display."""
        stream = self._process.stderr
        rest = ""
        while stream is not None and (data := await stream.read(4096)):
            *lines, rest = _LINE_ENDS.split(rest + data.decode(errors="replace"))
            for line in lines:
                self._note_message(line)
        self._note_message(rest)
        self._ready_or_ended.set()

    def _note_message(self, line: str) -> None:
        self._lines.append(line)
        if self._program.ready.search(line):
            self._is_capturing = True
            self._ready_or_ended.set()
        if count := self._program.dropped.search(line):
            self.dropped = int(count[1])

    async def _request_counts(self) -> None:
        """Request the count of lost packets regularly, but not while a write may be blocked: a signal may cut it."""
        await self._ready_or_ended.wait()
        while self._program.report_signal is not None:
            await asyncio.sleep(_REPORT_SECONDS)
            if not self._is_behind and self._process.returncode is None:
                self._process.send_signal(self._program.report_signal)


async def start_program(program: Program, route: Route, target: Target) -> ProgramEngine:
    """Start a capture program and wait until it reports that it captures; raise EngineError with its refusal."""
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
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)
    engine = ProgramEngine(program, process, await open_reader(reading), route, target)
    if await engine.wait_ready():
        return engine
    refusal = (await engine.end_reason()).removeprefix(f"{route.interface}: ")
    raise EngineError(f"{program.name} cannot capture on {route.interface}: {refusal}", _hint(program, refusal))


def _cannot_run(program: Program, error: OSError) -> EngineError:
    if isinstance(error, PermissionError):
        return EngineError(f"This user may not run {program.name}.", permissions.allow(program.name))
    if isinstance(error, FileNotFoundError):
        return EngineError(f"{program.name} is not installed.", permissions.install(program.name))
    return EngineError(f"{program.name} cannot be run: {reason(error)}.", remedy(error))


def _hint(program: Program, refusal: str) -> str:
    """Return how to permit capturing, for a refusal about permissions; others explain themselves."""
    return permissions.allow(program.name) if re.search(r"permission|permitted", refusal, re.IGNORECASE) else ""
