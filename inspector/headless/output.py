"""Standard output for lines that somebody waits for, and standard error for sentences.

Owns flushing, the end of a reader that has seen enough (`| head`), and whether there are colours: only on a terminal,
and never where NO_COLOR asks for none.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from inspector.errors import InspectorError


class ReaderGone(Exception):  # noqa: N818  # not a failure: the reader of our output has seen enough
    """Nobody reads standard output any more."""


class Output:
    """Lines to standard output."""

    def __init__(self) -> None:
        stream = sys.stdout
        self.in_colour = stream.isatty() and not os.environ.get("NO_COLOR")
        if hasattr(stream, "reconfigure"):  # whatever the locale, what is from the wire can be printed
            stream.reconfigure(encoding="utf-8", errors="replace")

    def lines(self, lines: Iterable[str]) -> None:
        """Print lines at once.

        Raises:
            ReaderGone: nobody reads them.
        """
        text = "".join(f"{line}\n" for line in lines)
        if not text:
            return
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError as error:
            # What is left in the buffer has nowhere to go either, as Python would find when it exits.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise ReaderGone from error


def say(sentence: str) -> None:
    """Tell the person at the keyboard something, beside the output."""
    print(f"grpc-inspector: {sentence}", file=sys.stderr, flush=True)


def say_error(error: InspectorError) -> None:
    """Tell what failed and what to do about it, on one line."""
    say(" ".join(str(error).split()))
