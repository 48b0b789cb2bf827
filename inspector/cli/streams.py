"""The standard streams, prepared before anything else uses them, and the terminal behind them.

A stream that the caller has closed leads to /dev/null, so that no file or socket gets its number. Text is UTF-8
whatever the locale says, as what `Output` prints. Where the capture comes on standard input, the app reads its keys
from the controlling terminal.
"""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper

from inspector.errors import OutputError, UsageError, reason

_TERMINAL = "/dev/tty"


def prepare_streams() -> None:
    """Open those that are closed, and have the others write UTF-8. Raises OutputError without a standard output."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free, which is this one
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    if sys.__stdin__ is None:
        sys.stdin = open(0, encoding="utf-8")  # noqa: SIM115 - until the process ends
        sys.__stdin__ = sys.stdin  # type: ignore[misc]  # Textual looks there for the keyboard
    if sys.__stderr__ is None:
        sys.stderr = open(2, "w", encoding="utf-8")  # noqa: SIM115 - until the process ends
    if sys.__stdout__ is None:
        raise OutputError("There is no standard output: it was closed.", "Send it to a file, a pipe or /dev/null.")


def take_standard_input() -> int:
    """Move the capture on standard input to another descriptor, return that, and put the terminal in its place.

    Textual reads keys from descriptor 0, and so does an editor that the app starts.

    Raises:
        UsageError: there is no terminal to read keys from.
    """
    try:
        terminal = os.open(_TERMINAL, os.O_RDWR)
    except OSError as error:
        raise UsageError(
            f"The app has no terminal to read keys from: {_TERMINAL} cannot be opened ({reason(error)}).",
            "`grpc-inspector frames -` and `calls -` need none.",
        ) from error
    capture = os.dup(0)
    os.dup2(terminal, 0, inheritable=True)
    os.close(terminal)
    return capture
