"""`call`: sends one call and prints the very frames that carried it.

The capture is live before the call is sent, and the call is found in it by its own connection's port; nothing is
added to it for that. What is printed is what was on the wire, not what the client library says of it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from inspector.client.caller import Caller, Outcome
from inspector.errors import RequestError, ServiceError
from inspector.headless.output import Output, say
from inspector.headless.run import Limits, Run
from inspector.model.call import Call, CallKind, CallState
from inspector.schema.catalog import Catalog, Method
from inspector.schema.request import build
from inspector.session import Session
from inspector.store.change import Change
from inspector.views.as_json import call_object, line
from inspector.views.as_text import follow_lines
from inspector.views.follow import Follow

STATUS_BASE: Final = 64
"""Added to the code of a call that is not OK, to make the exit status: as grpcurl does."""
_DECODING_SECONDS: Final = 5.0
"""How long the frames of a call that has ended are waited for; milliseconds are usual."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to send."""

    method: str
    message: str
    """JSON, or a bare word for a message with a single field."""
    metadata: tuple[tuple[str, str | bytes], ...] = ()
    deadline: float = 5.0


async def send_call(session: Session, catalog: Catalog, limits: Limits, request: Request, *, as_json: bool) -> int:
    """Send one call and print it; returns the exit status, 0 for OK and 64 + the status code otherwise.

    Raises:
        InspectorError: the request cannot be built, or nothing can be captured.
    """
    method = find_method(catalog, request.method)
    message = build(request.message, method, catalog)
    run, output = Run(session, limits), Output()
    seen = _OwnCall(session, method.path)
    outcomes: list[Outcome] = []

    async def send() -> None:
        await session.wait_live()
        if session.status.target is None:
            return
        caller = Caller(str(session.status.target))
        try:
            outcome = await caller.unary(method.path, message, metadata=request.metadata, deadline=request.deadline)
            outcomes.append(outcome)
            await seen.until_complete(caller, is_expected=bool(caller.local_ports()))
        finally:
            await caller.close()
            run.enough()

    status = await run.until_done(seen.on_change, send())
    if not outcomes:
        return status
    if seen.call is not None:
        view = Follow(session.store, catalog, seen.call.key)
        if as_json:
            output.lines([line(call_object(session.store, catalog, seen.call.key))])
        else:
            output.texts(follow_lines(view, colour=output.in_colour))
    return _judge(outcomes[0], seen.call)


def find_method(catalog: Catalog, name: str) -> Method:
    """The method by `/package.Service/Method`, with or without the first slash; raises RequestError."""
    path = "/" + name.lstrip("/")
    if (method := catalog.method(path)) is None:
        known = ", ".join(sorted(each.lstrip("/") for each in catalog.methods)[:8])
        raise RequestError(f"No schema knows the method {path}.", f"Give one with --proto FILE. Known are: {known}.")
    if method.kind is not CallKind.UNARY:
        raise RequestError(f"{path} is a {method.kind.replace('_', ' ')} method; only unary ones can be called so far.")
    return method


def _judge(outcome: Outcome, call: Call | None) -> int:
    if call is None:
        why = ServiceError(outcome.detail or "The call was answered, but its frames were not captured.")
        say(str(why))
        return STATUS_BASE + outcome.status.code if outcome.status.code else why.exit_status
    if outcome.status.code:
        say(outcome.detail or f"{outcome.status.name}: {outcome.status.message}")
        return STATUS_BASE + outcome.status.code
    return 0


class _OwnCall:
    """Waits for the call that we sent to be whole in the store."""

    def __init__(self, session: Session, path: str) -> None:
        self.call: Call | None = None
        self._session = session
        self._path = path
        self._changed = asyncio.Event()

    def on_change(self, _change: Change) -> None:
        """Look again; the session's `on_change`."""
        self._changed.set()

    async def until_complete(self, caller: Caller, *, is_expected: bool) -> None:
        """Return when the call's last frame is decoded, or after some seconds without it."""
        ports = caller.local_ports()
        try:
            async with asyncio.timeout(_DECODING_SECONDS if is_expected else 0):
                while not self._is_complete(ports):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return

    def _is_complete(self, ports: frozenset[int]) -> bool:
        store = self._session.store
        for call in store.calls.values():
            if call.method == self._path and store.connections[call.key.connection].client.port in ports:
                self.call = call
        return self.call is not None and self.call.state is not CallState.OPEN
