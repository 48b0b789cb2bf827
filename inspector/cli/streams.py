"""The standard streams, made fit for use before anything else is done with them.

One that the caller has closed leads nowhere, so that no file or socket takes its number. Text is UTF-8 whatever the
locale says, as what `Output` prints.
"""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper

from inspector.errors import OutputError


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
    if sys.__stderr__ is None:
        sys.stderr = open(2, "w", encoding="utf-8")  # noqa: SIM115 - until the process ends
    if sys.__stdout__ is None:
        raise OutputError("There is no standard output: it was closed.", "Send it to a file, a pipe or /dev/null.")
