"""Textual's driver for a terminal, fit for pipelines and for bytes that are no text.

Textual draws on standard error, which a shell redirects (`2>errors.log`) without taking the screen away, and leaves
with a traceback at the first byte from the keyboard that is not UTF-8: a paste, or a terminal set to Latin-1.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

from textual.drivers.linux_driver import LinuxDriver


class TerminalDriver(LinuxDriver):
    """Draws on standard output, which the command line has found to be a terminal."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if sys.__stdout__ is not None:
            self._file = sys.__stdout__

    def run_input_thread(self) -> None:
        """Read keys to the end; what came with a byte that is not UTF-8 is dropped."""
        while not self.exit_event.is_set():
            with suppress(UnicodeDecodeError):
                super().run_input_thread()
