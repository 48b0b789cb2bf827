"""The entry point: finds out what is wanted, has it done, and ends with the right exit status.

Every failure ends here, as one line on standard error. Nothing slow is imported before it is known to be needed.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import Final

from inspector.cli import commands
from inspector.cli import commands as calling
from inspector.cli import options as parsers
from inspector.cli.arguments import Parser
from inspector.cli.streams import prepare_streams
from inspector.errors import InspectorError, shortage
from inspector.headless.output import say

_COMMANDS: Final[dict[str, tuple[Callable[[str], Parser], Callable[[Namespace], int]]]] = {
    "frames": (parsers.frames, commands.frames),
    "calls": (parsers.calls, commands.calls),
    "connections": (parsers.connections, commands.connections),
    "follow": (parsers.follow, commands.follow),
    "call": (parsers.call, calling.call),
    "list": (parsers.list_services, calling.list_services),
    "describe": (parsers.describe, calling.describe),
    "doctor": (parsers.doctor, commands.doctor),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.

    `call` returns 64 and the status code for a call that is not OK.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        prepare_streams()
        return _run(given)
    except (InspectorError, OSError, MemoryError) as error:
        failure = error if isinstance(error, InspectorError) else shortage(error)
        if failure is None:
            raise
        say(str(failure))
        return failure.exit_status
    except KeyboardInterrupt:
        return 130


def _run(given: list[str]) -> int:
    if given and given[0] in _COMMANDS:
        make_parser, run = _COMMANDS[given[0]]
        options = make_parser(f"grpc-inspector {given[0]}").read(given[1:])
        options.command = given[0]
        return run(options)
    options = parsers.app("grpc-inspector").read(given)
    options.command = ""
    return commands.app(options)
