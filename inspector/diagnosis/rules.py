"""Why a call failed: the rules, in the order in which they are asked.

Each rule is a small function that knows one cause and what proves it on the wire; the first that finds its proof
answers. A call that is OK, or of plain HTTP/2 and answered, has no why. Pure: reads the store and the catalog.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from inspector.diagnosis import answers, disconnects
from inspector.diagnosis.context import CallContext
from inspector.diagnosis.disconnects import stalled
from inspector.http2.connection import CONNECTION_ENDED, REFUSED_BY_GOAWAY
from inspector.model.call import Call, CallState, StreamKey
from inspector.model.connection import Diagnosis
from inspector.model.frame import Side
from inspector.schema.catalog import Catalog
from inspector.store.store import Store

_BROKEN_OFF: Final = (CONNECTION_ENDED, REFUSED_BY_GOAWAY)
_Rule: TypeAlias = Callable[[CallContext], Diagnosis | None]

_RULES: Final[Mapping[CallState, tuple[_Rule, ...]]] = {
    CallState.COMPLETE: (
        answers.http_error,
        disconnects.client_left,
        stalled,
        disconnects.deadline_passed,
        disconnects.ended_with_goaway,
        answers.wrong_path,
        answers.status,
        answers.no_status,
    ),
    CallState.CANCELLED: (
        disconnects.never_spoke,
        answers.rejected,
        stalled,
        disconnects.deadline_passed,
        disconnects.reset_by_server,
        disconnects.bytes_lost,
        disconnects.reset_by_client,
    ),
    CallState.BROKEN: (
        disconnects.never_spoke,
        disconnects.refused_by_goaway,
        disconnects.bytes_lost,
        disconnects.connection_lost,
    ),
    CallState.OPEN: (
        disconnects.never_spoke,
        stalled,
        disconnects.bytes_lost,
        disconnects.still_open,
    ),
}


def diagnose(store: Store, catalog: Catalog, key: StreamKey) -> Diagnosis | None:
    """What went wrong with a call, as far as its frames show it; None for one that is OK.

    KeyError for a stream that is no call.
    """
    story = CallContext(store, catalog, store.calls[key])
    if _is_fine(story):
        return None
    found = (rule(story) for rule in _RULES[story.call.state])
    return next((each for each in found if each is not None), None)


def other_problems(call: Call, found: Diagnosis | None) -> tuple[str, ...]:
    """A call's problems without those that `found` says better."""
    is_told = found is not None and call.state is CallState.BROKEN
    return tuple(each for each in call.problems if not (is_told and each.startswith(_BROKEN_OFF)))


def _is_fine(story: CallContext) -> bool:
    """True for a call that is complete and OK, and for an answer of plain HTTP/2."""
    call = story.call
    if call.state is not CallState.COMPLETE:
        return False
    if call.status is not None:
        return call.status.code == 0
    return not story.is_grpc(Side.CLIENT) and call.http_status is not None and call.http_status < 400
