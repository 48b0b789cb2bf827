"""One call that was sent from the app, from its first message to its outcome.

Owns the messages that wait to be sent: they can be given before the capture is live or the service is connected, and
leave in their order. What the call was on the wire, the capture tells.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from time import monotonic

from inspector.client.ending import CANCELLED
from inspector.client.outcome import Outcome
from inspector.client.running_call import TAKES_ONE, RunningCall
from inspector.model.call import StreamKey
from inspector.model.endpoint import Side
from inspector.schema.catalog import Method
from inspector.ui.draft import Draft
from inspector.views.account import Account, Passed

Starter = Callable[["SentCall"], Awaitable[RunningCall]]


class SentCall:
    """A call of any kind. Give it messages, `run` it once; half-close and cancel it as you like."""

    def __init__(self, method: Method, draft: Draft) -> None:
        """`draft` is what it began with."""
        self.method, self.draft = method, draft
        self.texts: list[str] = []
        """The messages as they were typed."""
        self.began = monotonic()
        self.outcome: Outcome | None = None
        self.key: StreamKey | None = None
        """Its stream, once that was found on the wire."""
        self.account: Account | None = None
        """What the client says of it, where the wire cannot tell."""
        self.on_passed: Callable[[], None] = lambda: None
        """Told of every message and of the end, where there is an account."""
        self.is_half_closed = False
        self._running: RunningCall | None = None
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._starting: asyncio.Future[RunningCall] | None = None
        self._is_given_up = False

    @property
    def takes_more(self) -> bool:
        """True while further messages can be sent."""
        return self.method.kind not in TAKES_ONE and not (self.is_half_closed or self._is_given_up or self.is_over)

    @property
    def is_over(self) -> bool:
        """True when nothing more can be sent."""
        return self.outcome is not None or (self._running is not None and self._running.is_over)

    @property
    def sent(self) -> int:
        """Messages that have left."""
        return self._running.sent if self._running else 0

    @property
    def received(self) -> int:
        """Replies that have come."""
        return self._running.received if self._running else 0

    def send(self, text: str, message: bytes) -> None:
        """Send a message, behind those that wait."""
        self.texts.append(text)
        self._waiting.put_nowait(message)

    def half_close(self) -> None:
        """No more messages will come."""
        self.is_half_closed = True
        self._waiting.put_nowait(None)

    def cancel(self) -> None:
        """End the call from this side, also while it is not connected yet."""
        self._is_given_up = True
        if self._running is not None:
            self._running.cancel()
        elif self._starting is not None:
            self._starting.cancel()

    async def run(self, start: Starter) -> Outcome:
        """Begin the call, send and read until it is over. Raises RequestError for what cannot be sent at all."""
        self._starting = asyncio.ensure_future(start(self))
        try:
            running = await self._starting
        except asyncio.CancelledError:
            if not self._is_given_up:
                raise
            return self._over(Outcome(CANCELLED, (), monotonic() - self.began, ""))
        self._running = running
        if self._is_given_up:
            running.cancel()
        feeding = asyncio.create_task(self._feed(running))
        try:
            async for reply in running.replies():
                self._passed(Side.SERVER, reply)
            outcome = await running.outcome()
        except asyncio.CancelledError:
            running.cancel()
            raise
        finally:
            feeding.cancel()  # the call may end before its messages do
            with contextlib.suppress(asyncio.CancelledError):
                await feeding
        return self._over(outcome)

    async def _feed(self, running: RunningCall) -> None:
        while (message := await self._waiting.get()) is not None:
            passed = self._passed(Side.CLIENT, message)
            was_sent = await running.send(message)
            if not was_sent and passed is not None and self.account is not None:
                self.account.take_back(passed)
            if not was_sent or running.is_half_closed:
                return
        await running.half_close()

    def _passed(self, side: Side, message: bytes) -> Passed | None:
        if self.account is None:
            return None
        passed = self.account.note(side, message)
        self.on_passed()
        return passed

    def _over(self, outcome: Outcome) -> Outcome:
        self.outcome = outcome
        if self.account is not None:
            self.account.outcome = outcome
            self.on_passed()
        return outcome
