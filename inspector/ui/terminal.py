"""The terminal: a driver that survives pipelines and lost terminals, the clipboard, and exits on signals."""

from __future__ import annotations

import asyncio
import io
import os
import select
import signal
import sys
from base64 import b64encode
from codecs import getincrementaldecoder
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Thread
from time import sleep
from types import FrameType
from typing import Any, Final, TextIO, cast

from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

from inspector.processes import forget_terminal

_READ_SIZE: Final = 4096
_TICK_SECONDS: Final = 0.1
"""How often to check whether to stop, and whether an ESC byte was the Escape key or starts a sequence."""


def copy_sequence(text: str, environment: Mapping[str, str]) -> str:
    r"""Return the escape sequence (OSC 52) that puts a text on the clipboard.

    tmux passes it on only if it is wrapped as `\ePtmux;…\e\\`, with every ESC inside doubled.
    """
    encoded = b64encode(text.encode("utf-8", "replace")).decode("ascii")
    sequence = f"\x1b]52;c;{encoded}\x07"
    if environment.get("TMUX"):
        return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return sequence


class TerminalDriver(LinuxDriver):
    """Draws on standard output, which the command line has checked to be a terminal.

    Sends SIGHUP to this program when the terminal is lost. The kernel does so only for the controlling terminal of a
    session, and only to the session leader and the foreground process group.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if sys.__stdout__ is not None:
            self._file = cast("io.TextIOWrapper", LastingOutput(sys.__stdout__, self._lose_terminal))
        # Textual's handlers write to the terminal in the middle of whatever was interrupted, and hang if that holds the
        # lock of the writer's queue. As callbacks of the loop they run between two of its steps.
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTSTP, self._sigtstp_application)
        loop.add_signal_handler(signal.SIGCONT, self._sigcont_application)

    def run_input_thread(self) -> None:
        """Read input until the app exits or the terminal is lost.

        Textual's method raises at bytes that are not UTF-8, and reads a lost terminal again and again. Here, such
        bytes become U+FFFD, which an input shows.
        """
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")(errors="replace").decode
        while not self.exit_event.is_set():
            if select.select([self.fileno], [], [], _TICK_SECONDS)[0]:
                data = read_terminal(self.fileno)
                if data is None:
                    self._lose_terminal()
                    return
                for event in parser.feed(decode(data)) if data else ():
                    self.process_message(event)
            for event in parser.tick():
                self.process_message(event)
        with suppress(EOFError, ParseError):
            list(parser.feed(""))

    def _lose_terminal(self) -> None:
        forget_terminal()
        leave_terminal()
        os.kill(os.getpid(), signal.SIGHUP)


class LastingOutput(io.TextIOBase):
    """A terminal that ignores output after it is lost, instead of raising OSError."""

    def __init__(self, terminal: TextIO, on_loss: Callable[[], None]) -> None:
        self._terminal = terminal
        self._on_loss = on_loss

    def fileno(self) -> int:
        """Return the file descriptor of the terminal."""
        return self._terminal.fileno()

    def write(self, text: str) -> int:
        """Write a text to the buffer of the terminal."""
        try:
            self._terminal.write(text)
        except OSError:
            self._on_loss()
        return len(text)

    def flush(self) -> None:
        """Write the buffer to the terminal."""
        try:
            self._terminal.flush()
        except OSError:
            self._on_loss()


def read_terminal(descriptor: int) -> bytes | None:
    """Read input; None if the terminal is lost.

    Reading from a hung-up terminal returns no bytes, and from one whose other side is closed fails (Linux: tty_io.c,
    n_tty.c).
    """
    try:
        data = os.read(descriptor, _READ_SIZE)
    except OSError:
        return None
    return data if data or os.isatty(descriptor) else None


def leave_terminal() -> None:
    """Redirect the standard streams that are this terminal to /dev/null, as writing to them would fail."""
    if sys.__stdout__ is None:
        return
    terminal = os.fstat(sys.__stdout__.fileno()).st_rdev
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        with suppress(OSError):  # the descriptor may be closed
            if terminal and os.fstat(descriptor).st_rdev == terminal:
                os.dup2(null, descriptor)
    os.close(null)


_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP)
_GRACE_SECONDS: Final = 5.0
"""Time to end captures and child processes in order. The guard then kills those that are left."""


def end_on_signals(leave: Callable[[int], object]) -> None:
    """Have SIGTERM and SIGHUP call `leave` on the running event loop, with the exit status that a shell expects.

    The loop may be blocked in a write to a terminal that the user has stopped (Ctrl+S), or whose connection is stalled.
    The program then ends without it after a grace period.
    """
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, leave, 128 + number)
        # Besides the handler of the loop, which still writes to its pipe. And without SA_RESTART, which the loop sets:
        # with it, a wait for a lock in the main thread would resume, and this handler would never run.
        signal.signal(number, _start_grace_period)


def _start_grace_period(number: int, _frame: FrameType | None) -> None:
    Thread(target=_exit_after_grace_period, args=(number,), name="ending", daemon=True).start()


def _exit_after_grace_period(number: int) -> None:
    sleep(_GRACE_SECONDS)
    os._exit(128 + number)
