"""A call that runs: messages go out one by one, replies come in one by one, and in the end there is an outcome.

Owns the one call from its first message to its outcome. Opening the connection is the caller's; what the frames of
the call were, the capture tells.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from inspector.client.outcome import CANCELLED, CallEnding, Outcome
from inspector.errors import RequestError
from inspector.model.call import CallKind

if TYPE_CHECKING:
    from inspector.model.call import Status

TAKES_ONE: Final = frozenset({CallKind.UNARY, CallKind.SERVER_STREAMING})
"""The kinds of call that have a single request, with which they begin."""
GIVES_ONE: Final = frozenset({CallKind.UNARY, CallKind.CLIENT_STREAMING})
"""The kinds of call that have a single reply."""
_EMPTY: Final = "The service answered OK without a message."


class Stream(Protocol):
    """What a call does on the wire; see `inspector.client.stream`."""

    async def write(self, message: bytes) -> bool:
        """Send a message; False when the call is over."""

    async def half_close(self) -> None:
        """Say that no more messages will come."""

    async def read(self) -> bytes | None:
        """The next reply, None after the last."""

    def cancel(self) -> None:
        """End the call from this side."""

    async def ending(self) -> CallEnding:
        """Wait until the call is over."""


class ActiveCall:
    """One call of any kind. Made by `Caller.start`; send, half-close, read and cancel it as you like.

    A call with a single request begins with `send`, and its half-close goes with it. Any other begins at once.
    """

    def __init__(
        self,
        path: str,
        kind: CallKind,
        begin: Callable[[bytes | None], Stream],
        conclude: Callable[[ActiveCall, CallEnding], Awaitable[Outcome]],
    ) -> None:
        self.path, self.kind = path, kind
        self.sent = 0
        """Messages that were sent."""
        self.received = 0
        """Replies that were read."""
        self.is_half_closed = False
        self.had_connection = False
        """True when there was a connection as it began; without one, nothing of it is on the wire."""
        self._begin, self._conclude = begin, conclude
        self._given_up: Status | None = None
        self._readers = 0
        self._stream: Stream | None = None
        self._has_begun = asyncio.Event()
        self._concluding: asyncio.Task[Outcome] | None = None
        if kind not in TAKES_ONE:
            self._open(None)

    @property
    def is_over(self) -> bool:
        """True when the outcome is known, and nothing more can be sent."""
        return self._concluding is not None and self._concluding.done()

    async def send(self, message: bytes) -> bool:
        """Send a message, waiting while the service takes no more; False when the call is over and it was not sent.

        Raises RequestError after the half-close.
        """
        if self.is_half_closed:
            one = self.kind in TAKES_ONE
            raise RequestError(f"{self.path} takes one message." if one else "The call is half-closed already.")
        if self.kind in TAKES_ONE:
            self.is_half_closed = True
            was_sent = self._open(message)
        else:
            was_sent = await self._opened().write(message)
        self.sent += was_sent
        return was_sent

    async def half_close(self) -> None:
        """Say that no more messages will come; a call with a single request that has none yet begins and has none."""
        if not self.is_half_closed:
            self.is_half_closed = True
            self._open(None)
            await self._opened().half_close()

    def cancel(self, why: Status = CANCELLED) -> None:
        """End the call with RST_STREAM; the outcome is CANCELLED. Harmless when it is over."""
        if not self.is_over and self._given_up is None:
            self._given_up = why
            self._open(None)
            self._opened().cancel()

    async def replies(self) -> AsyncIterator[bytes]:
        """Each reply as it comes, until there are no more. One reader at a time."""
        await self._has_begun.wait()
        self._readers += 1
        try:
            while (reply := await self._opened().read()) is not None:
                self.received += 1
                yield reply
        finally:
            self._readers -= 1

    async def outcome(self) -> Outcome:
        """Wait until the call is over. Replies that nobody else is reading are read, and are in it."""
        await self._has_begun.wait()
        unread = () if self._readers else tuple([reply async for reply in self.replies()])
        assert self._concluding is not None  # noqa: S101 - made where it begins
        outcome = await asyncio.shield(self._concluding)
        is_empty = outcome.status.code == 0 and self.received == 0 and self.kind in GIVES_ONE
        return replace(outcome, responses=unread, detail=_EMPTY if is_empty else outcome.detail)

    def _open(self, request: bytes | None) -> bool:
        """Begin the call, unless it has begun; True when it did so now."""
        if self._stream is not None:
            return False
        given_up = self._given_up
        self._stream = Closed(CallEnding(given_up)) if given_up else self._begin(request)
        self._concluding = asyncio.create_task(self._end())
        self._has_begun.set()
        return not isinstance(self._stream, Closed)

    def _opened(self) -> Stream:
        assert self._stream is not None  # noqa: S101 - every way here has begun the call
        return self._stream

    async def _end(self) -> Outcome:
        ending = await self._opened().ending()
        if self._given_up is not None and ending.status.code == CANCELLED.code:
            ending = ending._replace(status=self._given_up)
        self._stream = Closed(ending)
        return await self._conclude(self, ending)


class Closed:
    """In the place of a stream: there never was one, or the call is over and the connection must not wait for it."""

    def __init__(self, ending: CallEnding) -> None:
        self._ending = ending

    async def write(self, message: bytes) -> bool:  # noqa: ARG002
        """Nothing is sent."""
        return False

    async def half_close(self) -> None:
        """There is nothing to close."""

    async def read(self) -> bytes | None:
        """There are no replies."""
        return None

    def cancel(self) -> None:
        """There is nothing to end."""

    async def ending(self) -> CallEnding:
        """How it ended."""
        return self._ending
