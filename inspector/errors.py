"""The one error tree: every failure that a person gets to read.

Owns the shape of such a failure, a sentence and what to do about it, and the exit status that goes with it.
Refuses to print anything: the command line and the screen each draw an error in their own way.
Foreign errors become one of these at the border where they are caught, with `raise … from error`; `reason`, `remedy`
and `shortage` put an OSError into words.
"""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Mapping
from typing import Final


class InspectorError(Exception):
    """A failure with a plain sentence (`message`) and, where there is one, a cure (`hint`)."""

    exit_status = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class UsageError(InspectorError):
    """The command line or an input asks for something that cannot be meant."""

    exit_status = 2


class ShortageError(InspectorError):
    """The system gives no more open files, memory or processes."""


class SourceError(InspectorError):
    """A capture file or stream that cannot be read, or is no capture."""


class EngineError(InspectorError):
    """A capture engine that does not start, or that ended by itself."""


class SpoolError(InspectorError):
    """The capture file on disk cannot be written any further: a full disk, say."""


class TsharkError(InspectorError):
    """tshark is missing, too old, or ended by itself."""


class OutputError(InspectorError):
    """What is printed goes nowhere: into a file on a full disk, say."""


class FilterError(InspectorError):
    """A filter text that means nothing; `message` says where it goes wrong."""


class PatternError(InspectorError):
    """What is looked for means nothing: a faulty regular expression, or half a byte."""


class SchemaError(InspectorError):
    """A .proto, a descriptor set or a reflection answer that cannot be used."""


class ServiceError(InspectorError):
    """A service that does not start or cannot be reached."""


class RequestError(InspectorError):
    """A request that cannot be built from what was typed, and where in it the fault is, as far as that is known."""

    def __init__(self, message: str, hint: str = "", *, path: str = "", place: tuple[int, int] | None = None) -> None:
        """`path` is that of the field, as in `items[2].price`; `place` a line and a column, both counted from 1."""
        super().__init__(message, hint)
        self.path, self.place = path, place


_SHORTAGES: Final[Mapping[int, tuple[str, str]]] = {
    errno.EMFILE: (
        "the limit of open files (ulimit -n {files}) is reached",
        "Raise it with `ulimit -n 4096` and start again.",
    ),
    errno.ENFILE: ("the system's limit of open files is reached", "Close other programs, or raise fs.file-max."),
    errno.ENOMEM: ("the memory has run out", "Close other programs, or give this one a smaller --memory."),
    # What fork(2) reports; reads and writes that would block are never errors here.
    errno.EAGAIN: ("the limit of processes (ulimit -u {processes}) is reached", "Raise it, or close other programs."),
}
"""By errno: what has run out, as part of a sentence, and what helps. strerror only says `Too many open files`."""


def reason(error: OSError) -> str:
    """Return why a call of the operating system failed, to stand in a sentence: `No such file or directory`."""
    words, _ = _SHORTAGES.get(error.errno or 0, ("", ""))
    if not words:
        return _words_of(error)
    return words.format(files=_limit(resource.RLIMIT_NOFILE), processes=_limit(resource.RLIMIT_NPROC))


def _words_of(error: OSError) -> str:
    if not error.errno:
        return (
            "no answer in time" if isinstance(error, TimeoutError) else error.strerror or str(error)
        )  # asyncio's has no text
    # asyncio's text is about calls and tuples: `Connect call failed ('::1', 1)`. Errors of getaddrinfo and TLS have
    # numbers of their own, and types that are not built in.
    is_numbered_by_system = type(error).__module__ == "builtins"
    return os.strerror(error.errno) if is_numbered_by_system else error.strerror or str(error)


def remedy(error: OSError, otherwise: str = "") -> str:
    """Return what helps where files, memory or processes have run out, and `otherwise` for any other error."""
    _, words = _SHORTAGES.get(error.errno or 0, ("", otherwise))
    return words


def shortage(error: BaseException, what: str = "") -> ShortageError | None:
    """Return what to raise where files, memory or processes have run out, and None for any other error.

    `what` is what could not be done, as in `tshark cannot be started`.
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
