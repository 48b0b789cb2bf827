"""The client's own account of a call whose frames cannot be read on the wire, as text and as the object of `--json`.

Speaks of messages, metadata and status, as the client library has them, and never of frames. Says of itself that it
is no more than that.
"""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from inspector.client.options import Metadata
from inspector.client.outcome import Outcome
from inspector.headless.output import Output
from inspector.model.endpoint import Side
from inspector.model.status import Status
from inspector.schema.catalog import Catalog, Method
from inspector.schema.payload import read_bytes
from inspector.views.as_json import line
from inspector.views.as_text import text_line
from inspector.views.spans import ARROWS, SIDE_TONES, Line, Span, Tone
from inspector.views.text import clean
from inspector.views.times import duration
from inspector.views.values import pretty

WHY: Final = "The call went over TLS, so its frames are not to be read on the wire: this is what the client says of it."


class _Passed(NamedTuple):
    side: Side
    message: bytes
    time: float


@dataclass(slots=True)
class Account:
    """What passed in one call; prints each message when it passes, unless it shall be one object in the end."""

    catalog: Catalog
    method: Method
    target: str
    metadata: Metadata
    output: Output
    as_json: bool
    passed: list[_Passed] = field(default_factory=list)
    started: float = field(default_factory=time.time)

    def begin(self) -> None:
        """Say what this is."""
        if not self.as_json:
            title = Span(f"→ {self.method.path}", SIDE_TONES[Side.CLIENT])
            self._print(Line((Span(WHY, Tone.DIM),)), Line(()), Line((title, Span(f"   {self.target}", Tone.DIM))))
            self._print(*_metadata(self.metadata, 2))

    def note(self, side: Side, message: bytes) -> None:
        """A message passes."""
        self.passed.append(_Passed(side, message, time.time()))
        if not self.as_json:
            indent, name = (0, self.method.request_name) if side is Side.CLIENT else (1, self.method.response_name)
            facts = f"   {len(message)} B message · +{duration(self.passed[-1].time - self.started)}"
            self._print(
                Line(()), Line((Span(f"{ARROWS[side]} {name}", SIDE_TONES[side]), Span(facts, Tone.DIM)), indent)
            )
            for each in pretty(read_bytes(message, self.method.type_from(side), self.catalog)):
                self._print(Line(each.spans, each.indent + indent + 2))

    def end(self, outcome: Outcome) -> None:
        """The call is over."""
        if self.as_json:
            self.output.lines([line(self._object(outcome))])
            return
        status = outcome.status
        tone = Tone.ERROR if status.code else Tone.OK
        said = f"  {clean(status.message)}" if status.message else ""
        facts = Span(f"   +{duration(outcome.seconds)}", Tone.DIM)
        self._print(Line(()), Line((Span(f"{ARROWS[Side.SERVER]} {status.name}", tone), Span(said), facts), 1))
        self._print(*_metadata((*outcome.initial, *outcome.trailers), 3))
        rich = outcome.rich(self.catalog)
        self._print(*(Line((Span(clean(line(each).decode())),), 3) for each in (rich.details if rich else ())))

    def _print(self, *lines: Line) -> None:
        self.output.texts(text_line(each, colour=self.output.in_colour) for each in lines)

    def _object(self, outcome: Outcome) -> dict[str, object]:
        method, rich = self.method, outcome.rich(self.catalog)
        return {
            "connection": None,
            "stream": None,
            "client": None,
            "server": self.target,
            "method": method.path,
            "method_source": None,
            "authority": None,
            "method_candidates": [],
            "kind": method.kind.value,
            "state": "cancelled" if outcome.status.code == 1 else "complete",
            "status": _status(outcome.status),
            "http_status": None,
            "started": self.started,
            "duration": outcome.seconds,
            "request_headers": _pairs(self.metadata),
            "response_headers": _pairs(outcome.initial),
            "trailers": _pairs(outcome.trailers),
            "requests": [self._message(each) for each in self.passed if each.side is Side.CLIENT],
            "responses": [self._message(each) for each in self.passed if each.side is Side.SERVER],
            "problems": [WHY],
            "status_details": list(rich.details) if rich else None,
            "status_source": None,
            "why": None,
        }

    def _message(self, passed: _Passed) -> dict[str, object]:
        reading = read_bytes(passed.message, self.method.type_from(passed.side), self.catalog)
        return {
            "packet": None,
            "time": passed.time,
            "length": len(passed.message),
            "encoding": None,
            "type": reading.type,
            "format": reading.format.value,
            "value": reading.value,
        }


def _status(status: Status) -> dict[str, Any]:
    return status._asdict()


def _pairs(metadata: Metadata) -> list[list[str]]:
    return [[name, _shown(value)] for name, value in metadata]


def _metadata(metadata: Metadata, indent: int) -> list[Line]:
    return [Line((Span(f"{clean(name)}: ", Tone.KEY), Span(clean(_shown(value)))), indent) for name, value in metadata]


def _shown(value: str | bytes) -> str:
    return value if isinstance(value, str) else base64.b64encode(value).decode()
