"""The client's own account of a call, printed as it comes, or as the object of `--json`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from inspector.client.options import Metadata
from inspector.client.outcome import Outcome
from inspector.headless.output import Output
from inspector.headless.own_call import OWN
from inspector.model.endpoint import Side
from inspector.views.account import WHY, Account, Passed, shown_value
from inspector.views.as_json import line
from inspector.views.as_text import text_line
from inspector.views.spans import Line, Span, Tone


@dataclass(frozen=True, slots=True)
class AccountPrinter:
    """Prints each message of a call when it passes, unless the call shall be one object in the end."""

    account: Account
    output: Output
    as_json: bool

    def begin(self) -> None:
        """Say what this is."""
        if not self.as_json:
            self._print((Line((Span(WHY, Tone.DIM),)), Line(), *self.account.beginning()))

    def note(self, side: Side, message: bytes) -> None:
        """A message passes."""
        passed = self.account.note(side, message)
        if not self.as_json:
            self._print((Line(), *self.account.message(passed, OWN)))

    def end(self, outcome: Outcome) -> None:
        """The call is over."""
        self.account.outcome = outcome
        if self.as_json:
            self.output.lines([line(_object(self.account, outcome))])
        else:
            self._print((Line(), *self.account.ending()))

    def _print(self, lines: Iterable[Line]) -> None:
        self.output.texts(text_line(each, colour=self.output.in_colour) for each in lines)


def _object(account: Account, outcome: Outcome) -> dict[str, object]:
    method, rich = account.method, outcome.rich(account.catalog)
    return {
        "connection": None,
        "stream": None,
        "client": None,
        "server": account.target,
        "method": method.path,
        "method_source": None,
        "authority": None,
        "method_candidates": [],
        "kind": method.kind.value,
        "state": "cancelled" if outcome.status.code == 1 else "complete",
        "status": outcome.status._asdict(),
        "http_status": None,
        "started": account.started,
        "duration": outcome.seconds,
        "request_headers": _pairs(account.metadata),
        "response_headers": _pairs(outcome.initial),
        "trailers": _pairs(outcome.trailers),
        "requests": [_message(account, each) for each in account.passed if each.side is Side.CLIENT],
        "responses": [_message(account, each) for each in account.passed if each.side is Side.SERVER],
        "problems": [WHY],
        "status_details": list(rich.details) if rich else None,
        "status_source": None,
        "why": None,
    }


def _message(account: Account, passed: Passed) -> dict[str, object]:
    reading = account.reading(passed)
    return {
        "packet": None,
        "time": passed.time,
        "length": len(passed.message),
        "encoding": None,
        "type": reading.type,
        "format": reading.format.value,
        "value": reading.value,
    }


def _pairs(metadata: Metadata) -> list[list[str]]:
    return [[name, shown_value(value)] for name, value in metadata]
