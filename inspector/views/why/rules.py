"""Why a call failed: the rules, in the order in which they are asked.

Each rule is a small function that knows one cause and what proves it on the wire; the first that finds its proof
answers. A call that is OK, or of plain HTTP/2 and answered, has no why. Pure: reads the store and the catalog.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from inspector.model.call import Call, CallState, StreamKey
from inspector.model.endpoint import Side
from inspector.model.why import Why
from inspector.protocol.connection_state import CONNECTION_ENDED, REFUSED_BY_GOAWAY
from inspector.schema.catalog import Catalog
from inspector.store.store import Store
from inspector.views.why import answered, cut_off
from inspector.views.why.stalled import stalled
from inspector.views.why.story import Story

_BROKEN_OFF: Final = (CONNECTION_ENDED, REFUSED_BY_GOAWAY)
_Rule: TypeAlias = Callable[[Story], Why | None]

_RULES: Final[Mapping[CallState, tuple[_Rule, ...]]] = {
    CallState.COMPLETE: (
        answered.http_error,
        cut_off.client_left,
        stalled,
        cut_off.deadline_passed,
        cut_off.ended_with_goaway,
        answered.wrong_path,
        answered.status,
        answered.no_status,
    ),
    CallState.CANCELLED: (
        cut_off.never_spoke,
        answered.rejected,
        stalled,
        cut_off.deadline_passed,
        cut_off.reset_by_server,
        cut_off.bytes_lost,
        cut_off.reset_by_client,
    ),
    CallState.BROKEN: (
        cut_off.never_spoke,
        cut_off.refused_by_goaway,
        cut_off.bytes_lost,
        cut_off.connection_lost,
    ),
    CallState.OPEN: (
        cut_off.never_spoke,
        stalled,
        cut_off.bytes_lost,
        cut_off.still_open,
    ),
}


def why(store: Store, catalog: Catalog, key: StreamKey) -> Why | None:
    """What went wrong with a call, as far as its frames show it; None for one that is OK.

    KeyError for a stream that is no call.
    """
    story = Story(store, catalog, store.calls[key])
    if _is_fine(story):
        return None
    found = (rule(story) for rule in _RULES[story.call.state])
    return next((each for each in found if each is not None), None)


def problems_beside(call: Call, found: Why | None) -> tuple[str, ...]:
    """A call's problems without those that `found` says better."""
    is_told = found is not None and call.state is CallState.BROKEN
    return tuple(each for each in call.problems if not (is_told and each.startswith(_BROKEN_OFF)))


def _is_fine(story: Story) -> bool:
    """True for a call that is complete and OK, and for an answer of plain HTTP/2."""
    call = story.call
    if call.state is not CallState.COMPLETE:
        return False
    if call.status is not None:
        return call.status.code == 0
    return not story.is_grpc(Side.CLIENT) and call.http_status is not None and call.http_status < 400
