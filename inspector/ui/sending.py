"""Sends what the request box asks for, and finds the calls again among the captured ones.

Owns the caller, made at the first call, and which sent calls are still awaited on the wire. Waits until the capture is
live before a call leaves, so that its first frame is seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from inspector.errors import RequestError
from inspector.model.call import StreamKey
from inspector.schema.catalog import Catalog, Method
from inspector.schema.request import build
from inspector.session import Session
from inspector.ui.own_calls import OwnCalls

if TYPE_CHECKING:
    from inspector.client.caller import Caller, Outcome


class Sending:
    """The request box's way to the service."""

    def __init__(self, session: Session, catalog: Catalog, target: str, path: str) -> None:
        self._session = session
        self._catalog = catalog
        self._target = target
        self._path = path
        self._own = OwnCalls()
        self._caller: Caller | None = None

    async def send(self, text: str) -> Outcome:
        """Send one call and wait for its outcome.

        Raises:
            RequestError: the text is no request of this method.
        """
        request = build(text, self._method(), self._catalog)
        await self._session.wait_live()
        caller = await self._ready_caller()
        self._own.sent(self._path)
        outcome = await caller.unary(self._path, request)
        if outcome.status.code != 0 and not caller.local_ports():
            self._own.gave_up(self._path)
        return outcome

    def own_call(self, touched: Iterable[StreamKey]) -> StreamKey | None:
        """The latest of these calls that turns out to be one that was sent from here."""
        if not self._own.awaiting or self._caller is None:
            return None
        return self._own.match(self._session.store, touched, self._caller.local_ports())

    async def close(self) -> None:
        """End the connection."""
        if self._caller is not None:
            await self._caller.close()

    def _method(self) -> Method:
        method = self._catalog.method(self._path)
        if method is None:
            hint = "Give its schema with --proto or --protoset, or use a service with reflection."
            raise RequestError(f"The method {self._path} is not in any schema that is known.", hint)
        return method

    async def _ready_caller(self) -> Caller:
        """The caller of the address at which calls are seen; with the tap that is the tap's own."""
        seen_at = self._session.status.target
        target = self._target if seen_at is None else str(seen_at)
        if self._caller is None or self._caller.target != target:
            from inspector.client.caller import Caller  # noqa: PLC0415 - needed by the first call, not by the start

            await self.close()
            self._caller = Caller(target)
        return self._caller
