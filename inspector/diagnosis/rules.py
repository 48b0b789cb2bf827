"""Applies the rules that explain a failed call, in the order of their rank.

A rule is a function that knows one cause and what proves it on the wire. The first rule that finds its proof wins. A
call that is OK, or is plain HTTP/2 and was answered, needs no explanation.
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

_EXPLAINED: Final = (CONNECTION_ENDED, REFUSED_BY_GOAWAY)
"""How the problems of a broken call begin that its diagnosis explains better."""
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
    """Return why a call failed, as far as its frames show it; None for one that is OK.

    Raises:
        KeyError: the stream is not a call.
    """
    context = CallContext(store, catalog, store.calls[key])
    if _is_fine(context):
        return None
    found = (rule(context) for rule in _RULES[context.call.state])
    return next((diagnosis for diagnosis in found if diagnosis is not None), None)


def other_problems(call: Call, found: Diagnosis | None) -> tuple[str, ...]:
    """Return a call's problems without those that its diagnosis explains better."""
    is_explained = found is not None and call.state is CallState.BROKEN
    return tuple(each for each in call.problems if not (is_explained and each.startswith(_EXPLAINED)))


def _is_fine(context: CallContext) -> bool:
    """Return True for a call that is complete and OK, and for a successful response of plain HTTP/2."""
    call = context.call
    if call.state is not CallState.COMPLETE:
        return False
    if call.status is not None:
        return call.status.code == 0
    return not context.is_grpc(Side.CLIENT) and call.http_status is not None and call.http_status < 400
