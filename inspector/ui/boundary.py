"""The one place where unexpected errors end: a person reads a sentence, never a traceback.

What was expected, an InspectorError or a shortage of files or memory, is told with its hint. Anything else is a fault
of this program: it is written to a log file whose path is told, and the app goes on if it can.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path

import platformdirs

from inspector.errors import InspectorError, shortage

_PRIVATE = 0o600


async def guarded(work: Awaitable[object], tell: Callable[[str, str], None]) -> None:
    """Wait for a piece of work; where it fails, tell why and what to do instead of raising."""
    try:
        await work
    except InspectorError as error:
        tell(error.message, error.hint)
    except Exception as error:  # noqa: BLE001 - the named boundary
        tell(*explain(error))


def explain(error: BaseException) -> tuple[str, str]:
    """A sentence and a hint for an error that nobody expected; its traceback goes to a file."""
    known = error if isinstance(error, InspectorError) else shortage(error)
    if known is not None:
        return known.message, known.hint
    path = platformdirs.user_state_path("grpc-inspector") / "error.log"
    sentence = f"grpc-inspector has a fault: {type(error).__name__}: {error}"
    try:
        _write(path, "".join(traceback.format_exception(error)))
    except OSError:
        return sentence, "Its details could not be written to a file."
    return sentence, f"The details are in {path}; please report them."


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
