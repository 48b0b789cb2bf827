"""Child processes, pipes and restarts: how they start, and that none of them outlives the program."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import sys
import termios
from asyncio import ReadTransport, StreamReader, StreamReaderProtocol
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil

from inspector.errors import TsharkError, shortage

_PIECE = 1 << 16
_NICENESS = 5
"""Of what can wait, more than our own: it gets a quarter of a processor that we want too."""
_DRAIN_SECONDS = 1.0
"""For output that is in a pipe when its writer is gone, unless a grandchild holds the other end."""
_SCRIPT = Path(__file__).with_name("guard.py")


class Guard:
    """The guard process and the pipe that tells it of our children; started at its first use, never waited for."""

    def __init__(self) -> None:
        self._pids: set[int] = set()
        self._unfinished: set[str] = set()
        """Paths of what is being written."""
        self._terminal = ""
        self._pipe: int | None = None
        self.pid: int | None = None
        """The guard's own process id; None before it is started."""

    def start(self) -> None:
        """Start the guard, if there is none, and tell it of every child there is."""
        if self._pipe is not None:
            return
        ours, self._pipe = os.pipe()  # neither end is inherited by children
        null = os.open(os.devnull, os.O_RDWR)
        actions = [(os.POSIX_SPAWN_DUP2, end, number) for number, end in enumerate((ours, null, null))]
        argv = [sys.executable, "-I", "-S", str(_SCRIPT)]
        self.pid = os.posix_spawn(sys.executable, argv, os.environ, file_actions=actions, setsid=True)
        os.close(ours)
        os.close(null)
        for pid in self._pids:
            self._tell(f"+{pid}")
        if self._unfinished:
            self._tell(f"F{json.dumps(list(self._unfinished))}")
        self._tell(f"T{self._terminal}")

    def watch(self, pid: int) -> None:
        """Have a child ended when this program is gone."""
        self._pids.add(pid)
        self.start()
        self._tell(f"+{pid}")

    def forget(self, pid: int) -> None:
        """A child has ended: its number may soon be another's."""
        if pid in self._pids:
            self._pids.discard(pid)
            self._tell(f"-{pid}")

    def keep_terminal(self, terminal: str) -> None:
        """Have a terminal put back in order when this program is gone; an empty text ends that."""
        self._terminal = terminal
        self.start()
        self._tell(f"T{terminal}")

    def remove_if_killed(self, paths: Sequence[str]) -> None:
        """Have files, or folders of files, removed when this program is gone before `leave_alone`."""
        self._unfinished.update(paths)
        self.start()
        self._tell(f"F{json.dumps(paths)}")

    def leave_alone(self, paths: Sequence[str]) -> None:
        """Have them removed no more."""
        self._unfinished.difference_update(paths)
        self._tell(f"f{json.dumps(paths)}")

    def release(self) -> None:
        """Close the pipe, which is what the end of this program does: the guard ends every child."""
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None

    def _tell(self, line: str) -> None:
        if self._pipe is None:
            return
        data = memoryview(f"{line}\n".encode())
        try:
            while data:
                data = data[os.write(self._pipe, data) :]
        except BrokenPipeError:
            self._replace()

    def _replace(self) -> None:
        """Somebody ended the guard: start another, which is told of every child."""
        self.release()
        if self.pid is not None:
            os.waitpid(self.pid, 0)
        self.start()


_guard = Guard()


def watch(pid: int) -> None:
    """Register a child that somebody else started: pyshark's tshark, say."""
    _guard.watch(pid)


@contextlib.contextmanager
def removed_if_killed(paths: Iterable[Path]) -> Iterator[None]:
    """Have what is at these paths removed if this program is killed before the end of the `with`."""
    absolute = [str(path.absolute()) for path in paths]
    _guard.remove_if_killed(absolute)
    try:
        yield
    finally:
        _guard.leave_alone(absolute)


@contextlib.contextmanager
def kept_terminal(descriptor: int) -> Iterator[None]:
    """Have a terminal given back as it is now if this program is killed before the end of the `with`."""
    attributes = termios.tcgetattr(descriptor)
    codes = [code if isinstance(code, int) else ord(code) for code in attributes[-1]]
    _guard.keep_terminal(json.dumps([os.ttyname(descriptor), [*attributes[:-1], codes]]))
    try:
        yield
    finally:
        _guard.keep_terminal("")


def forget_terminal() -> None:
    """The terminal is gone, and its name may soon be another's: it is not to be put back in order."""
    _guard.keep_terminal("")


async def spawn(
    *argv: str,
    stdin: int = DEVNULL,
    stdout: int = DEVNULL,
    stderr: int = PIPE,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    yields: bool = False,
) -> Process:
    """Start a child in a session of its own, registered with the guard.

    One that `yields` does what can wait: where processors are few, those who capture, decode and draw come first.

    Whoever asks for a PIPE reads it to its end: a child that is blocked in a full pipe is only ended by force.

    Raises:
        FileNotFoundError, PermissionError: as they come; the caller knows what they mean.
        ShortageError: there are no more open files, memory or processes for it.
    """
    try:
        return await _spawn(argv, stdin, stdout, stderr, env, pass_fds, yields=yields)
    except OSError as error:
        if (short := shortage(error, f"{Path(argv[0]).name} cannot be started")) is not None:
            raise short from error
        raise


async def _spawn(
    argv: Sequence[str],
    stdin: int,
    stdout: int,
    stderr: int,
    env: Mapping[str, str] | None,
    pass_fds: Sequence[int],
    *,
    yields: bool,
) -> Process:
    _guard.start()
    starting = asyncio.create_task(
        asyncio.create_subprocess_exec(
            *argv, stdin=stdin, stdout=stdout, stderr=stderr, env=env, pass_fds=pass_fds, start_new_session=True
        )
    )
    try:
        process = await asyncio.shield(starting)
    except asyncio.CancelledError:  # the child is there or will be, and nobody else knows of it
        await end(await starting)
        raise
    _guard.watch(process.pid)
    if yields:
        _let_yield(process.pid)
    return process


async def end(process: Process, grace: float = 1.0) -> int:
    """End a child of `spawn`, by force after `grace` seconds, and give its exit status; an ended one is only reaped."""
    _send(process, signal.SIGTERM)
    try:
        async with asyncio.timeout(grace):
            status = await process.wait()
    except TimeoutError:
        _send(process, signal.SIGKILL)
        status = await process.wait()
    _guard.forget(process.pid)
    return status


async def end_unread(process: Process) -> int:
    """End a child whose standard output nobody reads, and give its exit status.

    Its output is read to the end and dropped: up to Python 3.12 asyncio takes a child for ended only then, and later
    versions leave the pipe open.
    """
    reading = asyncio.create_task(_read_away(process))
    try:
        status = await end(process)
        await asyncio.wait({reading}, timeout=_DRAIN_SECONDS)
    finally:
        reading.cancel()
        await asyncio.wait({reading})
    return status


def signal_name(number: int) -> str:
    """What a person calls the signal that ended a child."""
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def _let_yield(pid: int) -> None:
    """Make a child nice, and its session too where processors are given out by sessions (sched(7), autogroups)."""
    with contextlib.suppress(OSError):  # it may have ended, and few systems have autogroups
        os.setpriority(os.PRIO_PROCESS, pid, os.getpriority(os.PRIO_PROCESS, 0) + _NICENESS)
        Path(f"/proc/{pid}/autogroup").write_text(str(_NICENESS))


async def _read_away(process: Process) -> None:
    while process.stdout is not None and await process.stdout.read(_PIECE):
        pass


def _send(process: Process, number: signal.Signals) -> None:
    """Signal a child's whole group, which is its own as it leads a session."""
    if process.returncode is None:
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
        except PermissionError:  # macOS says so for a group of which only a zombie is left
            return


READ_SIZE: Final = 256 * 1024
"""Bytes of a capture that are taken at once, wherever they are read from."""
_PIPE_SIZE: Final = 1024 * 1024
"""What Linux lets every user ask for: tcpdump can write on for a while when this program is busy drawing."""


def make_pipe() -> tuple[int, int]:
    """Make a pipe as roomy as may be; the ends to read and to write, neither inherited by children.

    Raises ShortageError where there are no more open files.
    """
    try:
        reading, writing = os.pipe()
    except OSError as error:
        raise shortage(error, "A pipe cannot be made") or error from error
    size = getattr(fcntl, "F_SETPIPE_SZ", None)  # Linux only
    if size is not None:
        with contextlib.suppress(OSError):
            fcntl.fcntl(writing, size, _PIPE_SIZE)
    return reading, writing


async def open_reader(descriptor: int) -> tuple[StreamReader, ReadTransport]:
    """Read a pipe, socket or FIFO on the loop; closing the transport closes the descriptor."""
    reader = StreamReader(limit=_PIPE_SIZE)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    return reader, transport


async def write_all(descriptor: int, data: bytes) -> None:
    """Write to a pipe whose reader may be slower, leaving the loop to others meanwhile; the pipe must not block."""
    loop, rest = asyncio.get_running_loop(), memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            writable: asyncio.Future[None] = loop.create_future()
            loop.add_writer(descriptor, _resolve, writable)
            try:
                await writable
            finally:
                loop.remove_writer(descriptor)


def _resolve(writable: asyncio.Future[None]) -> None:
    if not writable.done():  # it was cancelled in the same turn of the loop
        writable.set_result(None)


_SETTLED: Final = 10.0
"""Seconds after which a start counts as a good one."""
_TRIES: Final = 3


class RestartLimiter:
    """Asked after each death. Times are seconds of any clock."""

    __slots__ = ("_failures", "_started")

    def __init__(self) -> None:
        self._failures = 0
        self._started = 0.0

    def note_start(self, now: float) -> None:
        """It was started."""
        self._started = now

    def is_worn_out(self, now: float) -> bool:
        """It died: True when it has done so, soon after its start, too often in a row."""
        self._failures = 1 if now - self._started > _SETTLED else self._failures + 1
        return self._failures >= _TRIES


_LOOK_SECONDS: Final = 0.5
_MB: Final = 1 << 20


def memory_of(pid: int) -> int:
    """Bytes that a process holds; 0 where there is none."""
    with contextlib.suppress(psutil.Error):
        return int(psutil.Process(pid).memory_info().rss)
    return 0


def is_stopped(pid: int) -> bool:
    """Tell whether a signal has stopped a process, which SIGCONT lets go on."""
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
    return False


async def has_outgrown(pid: int, most: float) -> None:
    """Return when a process holds more than `most` bytes."""
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        if memory_of(pid) > most:
            return


def too_large(name: str, most: float) -> TsharkError:
    """That a program was ended for it."""
    return TsharkError(
        f"{name} was ended: to read so large a capture it takes more than its {most / _MB:,.0f} MB of memory.",
        "Allow more by --memory, or save a part of the capture (Ctrl+S) and open that.",
    )
