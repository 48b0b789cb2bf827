"""Child processes: how they are started, and that none of them outlives the program.

Owns the guard, one small process per program that ends every registered child when this program is gone, however it
went, and removes the files that it left half-written. Refuses to know what the children do. Every child gets a session
of its own, so that Ctrl+C in the terminal reaches only this program, and never the terminal's input.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import termios
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from inspector.errors import shortage

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
