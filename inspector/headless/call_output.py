"""Prints the call that was sent: its captured frames, or else the client's own trace."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from inspector.client.active_call import Outcome
from inspector.client.options import Metadata
from inspector.headless.follow import LiveSteps
from inspector.headless.output import Output
from inspector.model.call import CallKind, CallState, StreamKey
from inspector.model.frame import Side
from inspector.present.client_trace import WHY, ClientTrace, TracedMessage, shown_value
from inspector.present.export.json import call_object, json_line
from inspector.present.export.text import text_line
from inspector.present.follow import PRINTED
from inspector.present.spans import Line, Span, Tone
from inspector.schema.catalog import Catalog, Method
from inspector.session import Session
from inspector.store.store import Change

_DECODING_SECONDS: Final = 5.0
"""The longest wait for the frames of a call that has ended. Usually they take milliseconds."""

SHOWN: Final = PRINTED._replace(elsewhere="--json has all of it")
"""How much `call` prints of a message."""


class SentCallFinder:
    """Finds the captured frames of the call that was sent, and prints them."""

    def __init__(self, session: Session, catalog: Catalog, method: Method, output: Output | None) -> None:
        self.ports: frozenset[int] = frozenset()
        """The local ports of the client once it is connected."""
        self.key: StreamKey | None = None
        self._store, self._catalog, self._method, self._output = session.store, catalog, method, output
        self._steps: LiveSteps | None = None
        self._changed = asyncio.Event()

    def on_change(self, change: Change) -> None:
        """Look for the call among the changed ones, and print what is new of it. Raises ReaderGone."""
        if self.key is None:
            self.key = next(filter(self._is_ours, sorted(change.calls)), None)
        # A unary call is printed when it is complete, so that its heading shows the status.
        if self._method.kind is not CallKind.UNARY or self.is_complete:
            self._print()
        self._changed.set()

    async def until_complete(self) -> None:
        """Wait until the last frame of the call is decoded, at most some seconds."""
        try:
            async with asyncio.timeout(_DECODING_SECONDS if self.ports else 0):
                while not self.is_complete:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return

    @property
    def is_complete(self) -> bool:
        """True when the last frame of the call is decoded."""
        return self.key is not None and self._store.calls[self.key].state is not CallState.OPEN

    def finish(self) -> None:
        """Print the rest. Raises ReaderGone."""
        self._print()
        if self._steps is not None:
            self._steps.finish()

    def as_object(self) -> dict[str, object] | None:
        """Return the call as the object of `--json`; None if it was not captured."""
        return None if self.key is None else call_object(self._store, self._catalog, self.key)

    def _print(self) -> None:
        if self.key is None or self._output is None:
            return
        if self._steps is None:
            self._steps = LiveSteps(self._store, self._catalog, self.key, self._output, SHOWN)
        self._steps.print_new()

    def _is_ours(self, key: StreamKey) -> bool:
        call = self._store.calls[key]
        return call.method == self._method.path and self._store.connections[key.connection].client.port in self.ports


@dataclass(frozen=True, slots=True)
class ClientTracePrinter:
    """Prints the messages of a call as they are sent and received, or all of them as one JSON object at its end."""

    trace: ClientTrace
    output: Output
    as_json: bool

    def begin(self) -> None:
        """Print what this output is, and the request metadata."""
        if not self.as_json:
            self._print((Line((Span(WHY, Tone.DIM),)), Line(), *self.trace.beginning()))

    def note(self, side: Side, message: bytes) -> None:
        """Record and print a message."""
        traced = self.trace.note(side, message)
        if not self.as_json:
            self._print((Line(), *self.trace.message(traced, SHOWN)))

    def end(self, outcome: Outcome) -> None:
        """Record and print how the call ended."""
        self.trace.outcome = outcome
        if self.as_json:
            self.output.lines([json_line(_object(self.trace, outcome))])
        else:
            self._print((Line(), *self.trace.ending()))

    def _print(self, lines: Iterable[Line]) -> None:
        self.output.texts(text_line(each, colour=self.output.in_colour) for each in lines)


def _object(trace: ClientTrace, outcome: Outcome) -> dict[str, object]:
    method, rich = trace.method, outcome.rich(trace.catalog)
    return {
        "connection": None,
        "stream": None,
        "client": None,
        "server": trace.target,
        "method": method.path,
        "method_source": None,
        "authority": None,
        "method_candidates": [],
        "kind": method.kind.value,
        "state": "cancelled" if outcome.status.code == 1 else "complete",
        "status": outcome.status._asdict(),
        "http_status": None,
        "started": trace.started,
        "duration": outcome.seconds,
        "request_headers": _pairs(trace.metadata),
        "response_headers": _pairs(outcome.initial),
        "trailers": _pairs(outcome.trailers),
        "requests": [_message(trace, each) for each in trace.passed if each.side is Side.CLIENT],
        "responses": [_message(trace, each) for each in trace.passed if each.side is Side.SERVER],
        "problems": [WHY],
        "status_details": list(rich.details) if rich else None,
        "status_source": None,
        "why": None,
    }


def _message(trace: ClientTrace, traced: TracedMessage) -> dict[str, object]:
    reading = trace.reading(traced)
    return {
        "packet": None,
        "time": traced.time,
        "length": len(traced.message),
        "encoding": None,
        "type": reading.type,
        "format": reading.format.value,
        "value": reading.value,
    }


def _pairs(metadata: Metadata) -> list[list[str]]:
    return [[name, shown_value(value)] for name, value in metadata]
