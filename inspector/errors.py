"""The errors that users read: each is a sentence, a hint, and the exit status that belongs to it.

Other errors are translated where they are caught, with `raise … from error`; `reason`, `remedy` and `shortage` describe
an OSError. The command line and the screen display errors in their own ways.
"""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Mapping
from typing import Final


class InspectorError(Exception):
    """A failure: `message` is a sentence about what happened, `hint` one about what to do, or empty."""

    exit_status = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class UsageError(InspectorError):
    """The command line or an input is invalid."""

    exit_status = 2


class ShortageError(InspectorError):
    """The system has no more open files, memory or processes for this program."""


class SourceError(InspectorError):
    """A capture file or stream cannot be read, or is not a capture."""


class EngineError(InspectorError):
    """A capture engine does not start, or has ended by itself."""


class SpoolError(InspectorError):
    """The spool cannot be written: the disk is full, for example."""


class TsharkError(InspectorError):
    """tshark is missing, too old, or ended by itself."""


class OutputError(InspectorError):
    """The output cannot be written: the disk is full, for example."""


class FilterError(InspectorError):
    """A filter is invalid; `message` says where."""


class PatternError(InspectorError):
    """A search pattern is invalid: a faulty regular expression, or half a byte."""


class SchemaError(InspectorError):
    """A .proto file, a descriptor set or a reflection reply cannot be used."""


class ServiceError(InspectorError):
    """A service does not start, or cannot be reached."""


class RequestError(InspectorError):
    """A request cannot be built from its text."""

    def __init__(self, message: str, hint: str = "", *, path: str = "", place: tuple[int, int] | None = None) -> None:
        """`path` names the faulty field, such as `items[2].price`; `place` is a line and a column, counted from 1."""
        super().__init__(message, hint)
        self.path, self.place = path, place


_SHORTAGES: Final[Mapping[int, tuple[str, str]]] = {
    errno.EMFILE: (
        "the limit of open files (ulimit -n {files}) is reached",
        "Raise it with `ulimit -n 4096` and start again.",
    ),
    errno.ENFILE: ("the system's limit of open files is reached", "Close other programs, or raise fs.file-max."),
    errno.ENOMEM: ("the memory has run out", "Close other programs, or give this one a smaller --memory."),
    # From fork(2). Reads and writes that would block never get here.
    errno.EAGAIN: ("the limit of processes (ulimit -u {processes}) is reached", "Raise it, or close other programs."),
}
"""By errno: what has run out, as part of a sentence, and a remedy. strerror says no more than `Too many open files`."""


def reason(error: OSError) -> str:
    """Return why a system call failed, as part of a sentence: `No such file or directory`."""
    text, _ = _SHORTAGES.get(error.errno or 0, ("", ""))
    if not text:
        return _text_of(error)
    return text.format(files=_limit(resource.RLIMIT_NOFILE), processes=_limit(resource.RLIMIT_NPROC))


def _text_of(error: OSError) -> str:
    if not error.errno:
        # asyncio raises a TimeoutError without a text.
        return "no answer in time" if isinstance(error, TimeoutError) else error.strerror or str(error)
    # asyncio's own text shows a tuple: `Connect call failed ('::1', 1)`. The numbers of errors of getaddrinfo and TLS,
    # whose types are not built in, are not those of errno.
    has_system_number = type(error).__module__ == "builtins"
    return os.strerror(error.errno) if has_system_number else error.strerror or str(error)


def remedy(error: OSError, otherwise: str = "") -> str:
    """Return a hint if files, memory or processes have run out, and `otherwise` for any other error."""
    _, hint = _SHORTAGES.get(error.errno or 0, ("", otherwise))
    return hint


def shortage(error: BaseException, what: str = "") -> ShortageError | None:
    """Return the error to raise if files, memory or processes have run out, and None for any other error.

    `what` is what failed, for example `tshark cannot be started`.
    """
    if isinstance(error, MemoryError):
        error = OSError(errno.ENOMEM, "")
    if not isinstance(error, OSError) or error.errno not in _SHORTAGES:
        return None
    why = reason(error)
    return ShortageError(f"{what}: {why}." if what else f"{why[0].upper()}{why[1:]}.", remedy(error))


def _limit(kind: int) -> str:
    soft, _ = resource.getrlimit(kind)
    return "unlimited" if soft == resource.RLIM_INFINITY else str(soft)
