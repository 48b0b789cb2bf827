"""The entry point: runs a command and turns its failure into one line on standard error and an exit status."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from typing import Final

from inspector.cli import commands, options
from inspector.errors import InspectorError, OutputError, shortage
from inspector.headless.output import say

_COMMANDS: Final[dict[str, tuple[Callable[[str], options.Parser], Callable[[Namespace], int]]]] = {
    "frames": (options.frames, commands.frames),
    "calls": (options.calls, commands.calls),
    "connections": (options.connections, commands.connections),
    "follow": (options.follow, commands.follow),
    "call": (options.call, commands.call),
    "list": (options.list_services, commands.list_services),
    "describe": (options.describe, commands.describe),
    "doctor": (options.doctor, commands.doctor),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return the exit status: 0 done, 1 failed, 2 usage error, 130 interrupted.

    `call` returns 64 plus the gRPC status code for a call that is not OK.
    """
    try:
        prepare_streams()
        return _run(list(sys.argv[1:] if arguments is None else arguments))
    except (InspectorError, OSError, MemoryError) as error:
        failure = error if isinstance(error, InspectorError) else shortage(error)
        if failure is None:
            raise
        say(str(failure))
        return failure.exit_status
    except KeyboardInterrupt:
        return 130


def _run(arguments: list[str]) -> int:
    if arguments and arguments[0] in _COMMANDS:
        make_parser, run = _COMMANDS[arguments[0]]
        parsed = make_parser(f"grpc-inspector {arguments[0]}").read(arguments[1:])
        parsed.command = arguments[0]
        return run(parsed)
    parsed = options.app("grpc-inspector").read(arguments)
    parsed.command = ""
    return commands.app(parsed)


def prepare_streams() -> None:
    """Open closed standard streams on /dev/null, and make the others write UTF-8, whatever the locale.

    With descriptors 0 to 2 in use, no file or socket is opened under one of these numbers.

    Raises:
        OutputError: standard output is closed.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # open(2) returns the lowest free number, which is this one
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    if sys.__stdin__ is None:
        sys.stdin = open(0, encoding="utf-8")  # noqa: SIM115 - until the process ends
        sys.__stdin__ = sys.stdin  # type: ignore[misc]  # Textual reads the keyboard from there
    if sys.__stderr__ is None:
        sys.stderr = open(2, "w", encoding="utf-8")  # noqa: SIM115 - until the process ends
    if sys.__stdout__ is None:
        raise OutputError("Standard output is closed.", "Redirect it to a file, a pipe or /dev/null.")
