"""Textual's driver for a terminal, fit for pipelines and for bytes that are no text.

Textual draws on standard error, which a shell redirects (`2>errors.log`) without taking the screen away, and leaves
with a traceback at the first byte from the keyboard that is not UTF-8: a paste, or a terminal set to Latin-1. Its
decoder is local to the method that reads keys, so that method is replaced as a whole.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import selectors
import sys
from typing import Any, Final

from textual._parser import ParseError  # not public, but the only parser that makes Textual's events
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

_READ_BYTES: Final = 4096
_TICK: Final = 0.1
"""Seconds after which an Escape that nothing followed is the key, as in Textual's own loop."""


class TerminalDriver(LinuxDriver):
    """Draws on standard output, which the command line has found to be a terminal."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if sys.__stdout__ is not None:
            self._file = sys.__stdout__

    def run_input_thread(self) -> None:
        """Read keys to the end.

        Bytes that are not UTF-8 become U+FFFD: the keys beside them are kept, and an input shows that there was one.
        """
        parser, decoder = XTermParser(self._debug), codecs.getincrementaldecoder("utf-8")("replace")
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                self._read_keys(selector, parser, decoder)
        with contextlib.suppress(EOFError, ParseError):  # what is left of an unfinished sequence
            for _ in parser.feed(""):
                pass

    def _read_keys(
        self, selector: selectors.SelectSelector, parser: XTermParser, decoder: codecs.IncrementalDecoder
    ) -> None:
        if selector.select(_TICK) and (typed := decoder.decode(os.read(self.fileno, _READ_BYTES))):
            for event in parser.feed(typed):
                self.process_message(event)
        for event in parser.tick():
            self.process_message(event)
