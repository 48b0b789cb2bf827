"""How a call ended: the gRPC status in its trailers."""

from __future__ import annotations

from typing import Final, NamedTuple

STATUS_NAMES: Final = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)


class Status(NamedTuple):
    """A status code, its name, and the percent-decoded message."""

    code: int
    name: str
    message: str

    @classmethod
    def of(cls, code: int, message: str = "") -> Status:
        """The status of a code; a code that gRPC does not define is named by its number."""
        return cls(code, STATUS_NAMES[code] if 0 <= code < len(STATUS_NAMES) else f"{code}", message)
