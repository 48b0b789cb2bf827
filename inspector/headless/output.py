"""Standard output for lines that somebody waits for, and standard error for sentences.

Owns flushing, the end of a reader that has seen enough (`| head`), and whether there are colours: only on a terminal,
and never where NO_COLOR asks for none.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from inspector.errors import OutputError
from inspector.text import clean


class ReaderGone(Exception):  # noqa: N818  # not a failure: the reader of our output has seen enough
    """Nobody reads standard output any more."""


class Output:
    """Lines to standard output, in UTF-8 whatever the locale."""

    def __init__(self) -> None:
        self.in_colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def texts(self, lines: Iterable[str]) -> None:
        """Print lines of text at once; raises ReaderGone."""
        self.lines(line.encode(errors="replace") for line in lines)

    def lines(self, lines: Iterable[bytes]) -> None:
        """Print lines at once.

        Raises:
            ReaderGone: nobody reads them.
            OutputError: they cannot be written: to a file on a full disk, say.
        """
        try:
            # Into the buffer, which gives way as it fills: the lines of a batch may be long ones, and many.
            sys.stdout.buffer.writelines(b"%b\n" % line for line in lines)
            sys.stdout.buffer.flush()
        except OSError as error:
            # What is left in the buffer has nowhere to go either, as Python would find when it exits.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if isinstance(error, BrokenPipeError):
                raise ReaderGone from error
            raise OutputError(f"The output cannot be written: {error.strerror}. It is not whole.") from error


def say(sentence: str) -> None:
    """Tell the person at the keyboard something, beside the output: in one line, as services have a word in it too."""
    words = clean(" ".join(sentence.split()))
    print(f"grpc-inspector: {words}", file=sys.stderr, flush=True)
