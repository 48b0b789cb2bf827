"""How a call ended, as the client saw it. Does not load grpc."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Final, NamedTuple

from inspector.client.options import Metadata
from inspector.model.call import Status
from inspector.schema.catalog import Catalog
from inspector.schema.rich_status import HEADER, RichStatus, read_status


class CallEnding(NamedTuple):
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


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call went."""

    status: Status
    responses: tuple[bytes, ...]
    """The replies, serialized; of a running call, those that nobody read before."""
    seconds: float
    """From the request to the outcome, connecting included."""
    detail: str
    """Why it failed and what to do about it, in plain sentences; empty when all is well."""
    initial: Metadata = ()
    """What the service sent before its first reply, without the headers of HTTP/2 and gRPC."""
    trailers: Metadata = ()

    def rich(self, catalog: Catalog) -> RichStatus | None:
        """`grpc-status-details-bin`, unpacked with the types that the catalog knows; None where there is none."""
        found = next((value for name, value in self.trailers if name == HEADER), None)
        return read_status(base64.b64encode(found).decode(), catalog) if isinstance(found, bytes) else None
