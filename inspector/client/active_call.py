"""A call that was sent from here: messages go out one by one, replies come in one by one, until its outcome is known.

Opening the connection is up to the caller. Does not load grpc.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, Protocol

from inspector.client.options import Metadata
from inspector.errors import RequestError
from inspector.model.call import CallKind, Status
from inspector.schema.catalog import Catalog
from inspector.schema.decode import STATUS_DETAILS_HEADER, RichStatus, read_status

TAKES_ONE: Final = frozenset({CallKind.UNARY, CallKind.SERVER_STREAMING})
"""The kinds of call with a single request, which is sent together with the headers."""
GIVES_ONE: Final = frozenset({CallKind.UNARY, CallKind.CLIENT_STREAMING})
"""The kinds of call with a single reply."""
CANCELLED: Final = Status.of(1, "The call was cancelled on this side.")
CLOSED: Final = Status.of(1, "The connection was closed on this side.")
TIMED_OUT: Final = Status.of(4, "Deadline Exceeded")
_EMPTY: Final = "The service answered OK without a message."


class CallEnding(NamedTuple):
    """How a call ended on the wire."""

    status: Status
    initial: Metadata = ()
    """The initial metadata of the service, without the headers of HTTP/2 and gRPC."""
    trailers: Metadata = ()


class CallError(Exception):
    """A call ended with a status other than OK, whether the service sent it or gRPC made it up on this side."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.name)
        self.status = status


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a call, as the client saw it."""

    status: Status
    responses: tuple[bytes, ...]
    """The serialized replies, without those that were read while the call was active."""
    seconds: float
    """The time from the request to the outcome, connecting included."""
    detail: str
    """Why the call failed and what to do about it, in sentences; empty for a call that did not."""
    initial: Metadata = ()
    """The initial metadata of the service, without the headers of HTTP/2 and gRPC."""
    trailers: Metadata = ()

    def rich(self, catalog: Catalog) -> RichStatus | None:
        """Return `grpc-status-details-bin`, unpacked with the types in the catalog; None if there is none."""
        found = next((value for name, value in self.trailers if name == STATUS_DETAILS_HEADER), None)
        return read_status(base64.b64encode(found).decode(), catalog) if isinstance(found, bytes) else None


class Stream(Protocol):
    """The HTTP/2 stream of a call; see `inspector.client.channel.GrpcStream`."""

    async def write(self, message: bytes) -> bool:
        """Send a message; return False when the call is over."""

    async def half_close(self) -> None:
        """Send END_STREAM: no more messages will follow."""

    async def read(self) -> bytes | None:
        """Return the next reply, None after the last."""

    def cancel(self) -> None:
        """Reset the stream."""

    async def ending(self) -> CallEnding:
        """Wait until the call is over."""


class ActiveCall:
    """One call of any kind, made by `Sender.start`.

    A call with a single request starts on the wire with `send`, which also half-closes it. Any other starts at once.
    """

    def __init__(
        self,
        path: str,
        kind: CallKind,
        begin: Callable[[bytes | None], Stream],
        conclude: Callable[[ActiveCall, CallEnding], Awaitable[Outcome]],
    ) -> None:
        """`begin` opens the stream, with the request if there is a single one; `conclude` makes the outcome."""
        self.path, self.kind = path, kind
        self.sent = 0
        """How many messages were sent."""
        self.received = 0
        """How many replies were read."""
        self.is_half_closed = False
        self.had_connection = False
        """True when there was a connection as it started; without one, nothing of it is on the wire."""
        self._begin, self._conclude = begin, conclude
        self._cancel_status: Status | None = None
        self._readers = 0
        self._stream: Stream | None = None
        self._has_begun = asyncio.Event()
        self._concluding: asyncio.Task[Outcome] | None = None
        if kind not in TAKES_ONE:
            self._open(None)

    @property
    def is_over(self) -> bool:
        """True when the outcome is known and nothing more can be sent."""
        return self._concluding is not None and self._concluding.done()

    async def send(self, message: bytes) -> bool:
        """Send a message, subject to flow control; return False if the call is over and it was not sent.

        Raises:
            RequestError: the call is half-closed.
        """
        takes_one = self.kind in TAKES_ONE
        if self.is_half_closed:
            raise RequestError(f"{self.path} takes one message." if takes_one else "The call is half-closed already.")
        if takes_one:
            self.is_half_closed = True
            was_sent = self._open(message)
        else:
            was_sent = await self._opened().write(message)
        self.sent += was_sent
        return was_sent

    async def half_close(self) -> None:
        """End the requests. A call with a single request that was not sent then starts without one."""
        if not self.is_half_closed:
            self.is_half_closed = True
            self._open(None)
            await self._opened().half_close()

    def cancel(self, status: Status = CANCELLED) -> None:
        """Reset the stream; the outcome has the given status. Harmless when the call is over."""
        if not self.is_over and self._cancel_status is None:
            self._cancel_status = status
            self._open(None)
            self._opened().cancel()

    async def replies(self) -> AsyncIterator[bytes]:
        """Yield each reply as it arrives. Only one reader at a time."""
        await self._has_begun.wait()
        self._readers += 1
        try:
            while (reply := await self._opened().read()) is not None:
                self.received += 1
                yield reply
        finally:
            self._readers -= 1

    async def outcome(self) -> Outcome:
        """Wait until the call is over. Replies that have no reader are read, and are part of the outcome."""
        await self._has_begun.wait()
        unread = () if self._readers else tuple([reply async for reply in self.replies()])
        assert self._concluding is not None  # noqa: S101 - set together with _has_begun
        outcome = await asyncio.shield(self._concluding)
        is_empty = outcome.status.code == 0 and self.received == 0 and self.kind in GIVES_ONE
        return replace(outcome, responses=unread, detail=_EMPTY if is_empty else outcome.detail)

    def _open(self, request: bytes | None) -> bool:
        """Open the stream if it is not open; return True if that was done now and on the wire."""
        if self._stream is not None:
            return False
        cancelled = self._cancel_status
        self._stream = ClosedStream(CallEnding(cancelled)) if cancelled else self._begin(request)
        self._concluding = asyncio.create_task(self._end())
        self._has_begun.set()
        return not isinstance(self._stream, ClosedStream)

    def _opened(self) -> Stream:
        assert self._stream is not None  # noqa: S101 - every caller has opened it
        return self._stream

    async def _end(self) -> Outcome:
        ending = await self._opened().ending()
        if self._cancel_status is not None and ending.status.code == CANCELLED.code:
            ending = ending._replace(status=self._cancel_status)
        self._stream = ClosedStream(ending)  # releases grpcio's call, so that the connection does not wait for it
        return await self._conclude(self, ending)


class ClosedStream:
    """A stream that was never opened, or has ended: nothing can be sent or read."""

    def __init__(self, ending: CallEnding) -> None:
        self._ending = ending

    async def write(self, message: bytes) -> bool:  # noqa: ARG002
        """Return False: nothing is sent."""
        return False

    async def half_close(self) -> None:
        """Do nothing."""

    async def read(self) -> bytes | None:
        """Return None: there are no replies."""
        return None

    def cancel(self) -> None:
        """Do nothing."""

    async def ending(self) -> CallEnding:
        """Return the ending, which is known."""
        return self._ending
