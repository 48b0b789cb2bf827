"""The call that was sent, found in the capture by its connection's port, printed as its frames come, and waited for."""

from __future__ import annotations

import asyncio
from typing import Final

from inspector.headless.live_steps import LiveSteps
from inspector.headless.output import Output
from inspector.model.call import CallKind, CallState, StreamKey
from inspector.schema.catalog import Catalog, Method
from inspector.session import Session
from inspector.store.change import Change
from inspector.views.as_json import call_object
from inspector.views.steps import PRINTED

_DECODING_SECONDS: Final = 5.0
"""How long the frames of a call that has ended are waited for; milliseconds are usual."""

OWN: Final = PRINTED._replace(elsewhere="--json has all of it")
"""How much of a message `call` prints."""


class OwnCall:
    """The one call of this run."""

    def __init__(self, session: Session, catalog: Catalog, method: Method, output: Output | None) -> None:
        self.ports: frozenset[int] = frozenset()
        """Our local ports, as soon as they are known; none when there was no connection."""
        self.key: StreamKey | None = None
        self._store, self._catalog, self._method, self._output = session.store, catalog, method, output
        self._steps: LiveSteps | None = None
        self._changed = asyncio.Event()

    def on_change(self, change: Change) -> None:
        """Look again; the session's `on_change`. Raises ReaderGone."""
        if self.key is None:
            self.key = next(filter(self._is_ours, sorted(change.calls)), None)
        # A unary call is printed whole: its first line then tells how it went, and not that it is open.
        if self._method.kind is not CallKind.UNARY or self.is_complete:
            self._print()
        self._changed.set()

    async def until_complete(self) -> None:
        """Return when the call's last frame is decoded, or after some seconds without it."""
        try:
            async with asyncio.timeout(_DECODING_SECONDS if self.ports else 0):
                while not self.is_complete:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return

    @property
    def is_complete(self) -> bool:
        """True when its last frame is decoded."""
        return self.key is not None and self._store.calls[self.key].state is not CallState.OPEN

    def finish(self) -> None:
        """Print what is left. Raises ReaderGone."""
        self._print()
        if self._steps is not None:
            self._steps.finish()

    def as_object(self) -> dict[str, object] | None:
        """The call as the object of `--json`; None when it was not captured."""
        return None if self.key is None else call_object(self._store, self._catalog, self.key)

    def _print(self) -> None:
        if self.key is None or self._output is None:
            return
        if self._steps is None:
            self._steps = LiveSteps(self._store, self._catalog, self.key, self._output, OWN)
        self._steps.tell()

    def _is_ours(self, key: StreamKey) -> bool:
        call = self._store.calls[key]
        return call.method == self._method.path and self._store.connections[key.connection].client.port in self.ports
