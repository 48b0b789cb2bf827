"""Child processes: started here, registered with the guard, and ended. Also pipes, restarts and memory of children."""

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

_DRAIN_SIZE = 1 << 16
_NICENESS = 5
"""Added to our own niceness: the child gets a quarter of a processor that this program competes for."""
_DRAIN_SECONDS = 1.0
"""The limit for draining the output of a child that has ended; a grandchild may hold the pipe open."""
_GUARD_SCRIPT = Path(__file__).with_name("guard.py")


class Guard:
    """The guard process, and the pipe on which children are registered with it; started at its first use."""

    def __init__(self) -> None:
        self._pids: set[int] = set()
        self._unfinished: set[str] = set()
        """Paths that are being written, and removed if the program is killed."""
        self._terminal = ""
        self._pipe: int | None = None
        self.pid: int | None = None
        """The process id of the guard; None before it is started."""

    def start(self) -> None:
        """Start the guard unless it is running, and register all children and paths with it."""
        if self._pipe is not None:
            return
        ours, self._pipe = os.pipe()  # neither end is inherited by children
        null = os.open(os.devnull, os.O_RDWR)
        actions = [(os.POSIX_SPAWN_DUP2, end, number) for number, end in enumerate((ours, null, null))]
        argv = [sys.executable, "-I", "-S", str(_GUARD_SCRIPT)]
        self.pid = os.posix_spawn(sys.executable, argv, os.environ, file_actions=actions, setsid=True)
        os.close(ours)
        os.close(null)
        for pid in self._pids:
            self._send(f"+{pid}")
        if self._unfinished:
            self._send(f"F{json.dumps(list(self._unfinished))}")
        self._send(f"T{self._terminal}")

    def watch(self, pid: int) -> None:
        """Register a child to be ended when this program is gone."""
        self._pids.add(pid)
        self.start()
        self._send(f"+{pid}")

    def forget(self, pid: int) -> None:
        """Unregister a child that has ended: its process id may soon be reused."""
        if pid in self._pids:
            self._pids.discard(pid)
            self._send(f"-{pid}")

    def keep_terminal(self, terminal: str) -> None:
        """Register a terminal to be restored when this program is gone; an empty text unregisters it."""
        self._terminal = terminal
        self.start()
        self._send(f"T{terminal}")

    def remove_if_killed(self, paths: Sequence[str]) -> None:
        """Register files, or folders of files, to be removed if this program is gone before `leave_alone`."""
        self._unfinished.update(paths)
        self.start()
        self._send(f"F{json.dumps(paths)}")

    def leave_alone(self, paths: Sequence[str]) -> None:
        """Unregister files and folders."""
        self._unfinished.difference_update(paths)
        self._send(f"f{json.dumps(paths)}")

    def release(self) -> None:
        """Close the pipe, as the end of this program does: the guard then ends every child."""
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None

    def _send(self, line: str) -> None:
        if self._pipe is None:
            return
        data = memoryview(f"{line}\n".encode())
        try:
            while data:
                data = data[os.write(self._pipe, data) :]
        except BrokenPipeError:
            self._replace()

    def _replace(self) -> None:
        """Start another guard, as this one was killed."""
        self.release()
        if self.pid is not None:
            os.waitpid(self.pid, 0)
        self.start()


_guard = Guard()


def watch(pid: int) -> None:
    """Register a child that `spawn` has not started, such as pyshark's tshark."""
    _guard.watch(pid)


@contextlib.contextmanager
def removed_if_killed(paths: Iterable[Path]) -> Iterator[None]:
    """Remove what is at these paths if this program is killed before the end of the `with` block."""
    absolute = [str(path.absolute()) for path in paths]
    _guard.remove_if_killed(absolute)
    try:
        yield
    finally:
        _guard.leave_alone(absolute)


@contextlib.contextmanager
def kept_terminal(descriptor: int) -> Iterator[None]:
    """Restore a terminal to its present state if this program is killed before the end of the `with` block."""
    attributes = termios.tcgetattr(descriptor)
    codes = [code if isinstance(code, int) else ord(code) for code in attributes[-1]]
    _guard.keep_terminal(json.dumps([os.ttyname(descriptor), [*attributes[:-1], codes]]))
    try:
        yield
    finally:
        _guard.keep_terminal("")


def forget_terminal() -> None:
    """Do not restore the terminal: it is gone, and its name may soon be reused."""
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

    With `yields`, it runs at a lower priority than the processes that capture, decode and draw. A PIPE must be read to
    its end: a child that is blocked in a full pipe can only be killed.

    Raises:
        FileNotFoundError, PermissionError: not translated, as only the caller knows what they mean for users.
        ShortageError: the system has no more open files, memory or processes.
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
    except asyncio.CancelledError:  # the child may have been started, and is registered nowhere
        await end(await starting)
        raise
    _guard.watch(process.pid)
    if yields:
        _lower_priority(process.pid)
    return process


async def end(process: Process, grace: float = 1.0) -> int:
    """End a child of `spawn`, with SIGKILL after `grace` seconds; return its exit status."""
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
    """End a child whose standard output is not read any more; return its exit status.

    The output is read to its end and dropped: up to Python 3.12, asyncio does not consider the child ended before that,
    and later versions leave the pipe open.
    """
    draining = asyncio.create_task(_drain(process))
    try:
        status = await end(process)
        await asyncio.wait({draining}, timeout=_DRAIN_SECONDS)
    finally:
        draining.cancel()
        await asyncio.wait({draining})
    return status


def signal_name(number: int) -> str:
    """Return the name of a signal: `SIGTERM`, or `signal 40` for a real-time signal."""
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def _lower_priority(pid: int) -> None:
    """Raise the niceness of a child, and of its session where the kernel schedules sessions (sched(7), autogroup)."""
    with contextlib.suppress(OSError):  # the child may have ended, and few systems have autogroups
        os.setpriority(os.PRIO_PROCESS, pid, os.getpriority(os.PRIO_PROCESS, 0) + _NICENESS)
        Path(f"/proc/{pid}/autogroup").write_text(str(_NICENESS))


async def _drain(process: Process) -> None:
    while process.stdout is not None and await process.stdout.read(_DRAIN_SIZE):
        pass


def _send(process: Process, number: signal.Signals) -> None:
    """Send a signal to the process group of a child, which leads a session of its own."""
    if process.returncode is None:
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
        except PermissionError:  # raised by macOS for a group with only a zombie left
            return


READ_SIZE: Final = 256 * 1024
"""How many bytes of a capture are read at once, from any source."""
_PIPE_SIZE: Final = 1024 * 1024
"""The most that Linux grants to every user: tcpdump can continue to write while this program draws."""


def make_pipe() -> tuple[int, int]:
    """Make a pipe with the largest permitted buffer, not inherited by children; return its ends to read and to write.

    Raises:
        ShortageError: the limit of open files is reached.
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
    """Open a pipe, socket or FIFO for reading on the event loop; closing the transport closes the descriptor."""
    reader = StreamReader(limit=_PIPE_SIZE)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    return reader, transport


async def write_all(descriptor: int, data: bytes) -> None:
    """Write to a non-blocking pipe, and await its reader while it is full."""
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
    if not writable.done():  # cancelled in the same turn of the loop
        writable.set_result(None)


_STABLE_SECONDS: Final = 10.0
"""A process that has run longer did not die of its start."""
_MAX_DEATHS: Final = 3


class RestartLimiter:
    """Decides whether a process that died is restarted. Times are in seconds of any clock."""

    __slots__ = ("_deaths", "_started")

    def __init__(self) -> None:
        self._deaths = 0
        self._started = 0.0

    def note_start(self, now: float) -> None:
        """Record a start."""
        self._started = now

    def exhausted(self, now: float) -> bool:
        """Record a death; return True if it was one too many soon after a start."""
        self._deaths = 1 if now - self._started > _STABLE_SECONDS else self._deaths + 1
        return self._deaths >= _MAX_DEATHS


_POLL_SECONDS: Final = 0.5
_MB: Final = 1 << 20


def memory_of(pid: int) -> int:
    """Return the resident memory of a process in bytes; 0 if there is no such process."""
    with contextlib.suppress(psutil.Error):
        return int(psutil.Process(pid).memory_info().rss)
    return 0


def is_stopped(pid: int) -> bool:
    """Return True for a process that was stopped by a signal and not continued."""
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
    return False


async def has_outgrown(pid: int, most: float) -> None:
    """Wait until a process holds more than `most` bytes."""
    while True:
        await asyncio.sleep(_POLL_SECONDS)
        if memory_of(pid) > most:
            return


def too_large(name: str, most: float) -> TsharkError:
    """Return the error about a program that was ended because it held more than `most` bytes."""
    return TsharkError(
        f"{name} was ended: for a capture of this size it needs more than its {most / _MB:,.0f} MB of memory.",
        "Raise the limit with --memory, or save part of the capture (Ctrl+S) and open that.",
    )
