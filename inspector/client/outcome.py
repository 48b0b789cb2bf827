"""How a call went, as the client saw it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inspector.client.options import Metadata
from inspector.model.status import Status

if TYPE_CHECKING:
    from inspector.client.rich_status import RichStatus


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
    rich: RichStatus | None = None
    """`grpc-status-details-bin`, unpacked; None where there was none."""
