"""How a call ended, as gRPC tells it, and the endings that this side makes up."""

from __future__ import annotations

from typing import Final, NamedTuple

from inspector.client.options import Metadata
from inspector.model.status import Status


class Ending(NamedTuple):
    """What is known when a call is over."""

    status: Status
    initial: Metadata = ()
    """What the service sent first, without the headers of HTTP/2 and gRPC."""
    trailers: Metadata = ()


class CallError(Exception):
    """A call ended with another status than OK, sent by the service or made up by gRPC on this side."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.name)
        self.status = status


CANCELLED: Final = Status.of(1, "The call was cancelled on this side.")
CLOSED: Final = Status.of(1, "The connection was closed on this side.")
TIMED_OUT: Final = Status.of(4, "Deadline Exceeded")
