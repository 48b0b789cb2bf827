"""What is said on standard error beside the output: about a tap while it works, and about a capture in the end."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.headless.output import say
from inspector.schema.catalog import Catalog
from inspector.session import LiveSource, Phase, Session, SessionStatus
from inspector.store.store import Store
from inspector.views.late_joins import LateJoins


class TapRemarks:
    """Where a tap listens, for those who start the clients, and why one was not served: each sentence once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._said: set[str] = set()

    def news(self, status: SessionStatus) -> Iterator[str]:
        """The sentences that a status has to say and that were not said before; none unless it is a tap's."""
        if status.engine != "tap" or status.phase is not Phase.LIVE:
            return
        for sentence in (*self._listening(status), status.amiss):
            if sentence and sentence not in self._said:
                self._said.add(sentence)
                yield sentence

    def _listening(self, status: SessionStatus) -> Iterator[str]:
        source = self._session.source
        yield f"Listening on {status.target}. Connect clients there; calls go on to {source}."
        if isinstance(source, LiveSource) and source.ports:
            ports = ", ".join(map(str, sorted(source.ports)))
            yield f"The tap relays to {source} alone: --port {ports} has no effect."


def say_what_is_uncertain(store: Store, catalog: Catalog) -> None:
    """Tell of connections that were joined late, if there are any."""
    joins = LateJoins(store, catalog)
    joins.update(store.everything())
    if sentence := joins.sentence():
        say(sentence)
