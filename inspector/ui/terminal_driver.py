"""Textual's driver for a terminal, fit for pipelines, for bytes that are no text, and for a terminal that goes away.

Textual draws on standard error, which a shell redirects (`2>errors.log`) without taking the screen away. It leaves with
a traceback at the first byte from the keyboard that is not UTF-8: a paste, or a terminal set to Latin-1. And without
its terminal it never ends: its reader spins at the end of input, and its writer's thread dies, after which the event
loop waits for ever until there is room in the queue to that thread.
"""

from __future__ import annotations

import io
import os
import select
import signal
import sys
from codecs import getincrementaldecoder
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TextIO, cast

from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

from inspector.children import forget_terminal

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
