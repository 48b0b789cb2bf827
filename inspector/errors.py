"""The one error tree: every failure that a person gets to read.

Owns the shape of such a failure, a sentence and what to do about it, and the exit status that goes with it.
Refuses to print anything: the command line and the screen each draw an error in their own way.
Foreign errors become one of these at the border where they are caught, with `raise … from error`.
"""

from __future__ import annotations


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
