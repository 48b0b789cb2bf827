"""The terminal: Textual's driver made fit for pipelines and lost terminals, and the app's end with it."""

from __future__ import annotations

import asyncio
import io
import os
import select
import signal
import sys
from codecs import getincrementaldecoder
from collections.abc import Callable
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
"""How often to look whether to stop, and whether an Escape was the key and not the start of a sequence."""


class TerminalDriver(LinuxDriver):
    """Draws on standard output, which the command line has found to be a terminal.

    Sends this program a SIGHUP when the terminal is found to be gone. The kernel does so only for the terminal that
    controls the program's session, and only to the session's leader and what is in the foreground.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if sys.__stdout__ is not None:
            self._file = cast("io.TextIOWrapper", LastingOutput(sys.__stdout__, self._lose_terminal))

    def run_input_thread(self) -> None:
        """Read keys to the end.

        Bytes that are not UTF-8 become U+FFFD: the keys beside them are kept, and an input shows that there was one.
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
    """A terminal that can be written to when it is gone: then nobody sees it."""

    def __init__(self, terminal: TextIO, on_loss: Callable[[], None]) -> None:
        self._terminal = terminal
        self._on_loss = on_loss

    def fileno(self) -> int:
        """Return the terminal's descriptor."""
        return self._terminal.fileno()

    def write(self, text: str) -> int:
        """Write a text, sooner or later."""
        try:
            self._terminal.write(text)
        except OSError:
            self._on_loss()
        return len(text)

    def flush(self) -> None:
        """Write what has not been written yet."""
        try:
            self._terminal.flush()
        except OSError:
            self._on_loss()


def read_terminal(descriptor: int) -> bytes | None:
    """Read what was typed; None when the terminal is gone.

    A hung-up terminal reads as at its end, and one whose other side is closed fails (tty_io.c, n_tty.c).
    """
    try:
        data = os.read(descriptor, _READ_SIZE)
    except OSError:
        return None
    return data if data or os.isatty(descriptor) else None


def leave_terminal() -> None:
    """Have the standard streams that are this terminal lead nowhere, as what is still written to them would fail."""
    if sys.__stdout__ is None:
        return
    terminal = os.fstat(sys.__stdout__.fileno()).st_rdev
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        with suppress(OSError):  # it may be closed
            if terminal and os.fstat(descriptor).st_rdev == terminal:
                os.dup2(null, descriptor)
    os.close(null)


_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP)
_GRACE_SECONDS: Final = 5.0
"""To end captures and children in an orderly way; those that are left then, the guard ends."""


def end_on_signals(leave: Callable[[int], object]) -> None:
    """Have SIGTERM and SIGHUP call `leave` on the running event loop, with the exit status that a shell expects.

    The loop may not run: it waits for a terminal that takes no output because its user has stopped it, or because its
    connection is slow to be given up. The program then ends without it.
    """
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, leave, 128 + number)
        # In addition to the loop's own, which writes to its pipe even so, and without SA_RESTART, which the loop sets:
        # a wait for a lock in the main thread would go on, and this handler never be called.
        signal.signal(number, _insist)


def _insist(number: int, _frame: FrameType | None) -> None:
    Thread(target=_end_at_last, args=(number,), name="ending", daemon=True).start()


def _end_at_last(number: int) -> None:
    sleep(_GRACE_SECONDS)
    os._exit(128 + number)
