"""Writes lines to standard output, and notices to standard error.

Each batch is flushed. Colours are used only on a terminal, and never if NO_COLOR is set. A reader that closes the pipe
(`| head`) ends the command without an error.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from inspector.errors import OutputError
from inspector.text import clean


class ReaderGone(Exception):  # noqa: N818  # it is not a failure
    """The reader of standard output has closed the pipe."""


class Output:
    """Standard output as lines, in UTF-8 whatever the locale."""

    def __init__(self) -> None:
        self.in_colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def texts(self, lines: Iterable[str]) -> None:
        """Write and flush lines of text. Raises as `lines`."""
        self.lines(line.encode(errors="replace") for line in lines)

    def lines(self, lines: Iterable[bytes]) -> None:
        """Write and flush lines of bytes, given without their line ends.

        Raises:
            ReaderGone: the reader has closed the pipe.
            OutputError: the lines cannot be written, for example to a full disk.
        """
        try:
            # The buffer writes itself out as it fills, so a large batch is never held in memory as a whole.
            sys.stdout.buffer.writelines(b"%b\n" % line for line in lines)
            sys.stdout.buffer.flush()
        except OSError as error:
            # Python flushes what is left in the buffer when it exits, which would fail again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if isinstance(error, BrokenPipeError):
                raise ReaderGone from error
            raise OutputError(f"The output cannot be written: {error.strerror}. It is incomplete.") from error


def say(sentence: str) -> None:
    """Print a sentence to standard error, in one line and safe to display, as services can put text into it."""
    line = clean(" ".join(sentence.split()))
    print(f"grpc-inspector: {line}", file=sys.stderr, flush=True)
