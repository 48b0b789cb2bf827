"""What a batch of events did to the store, so that readers need not look at all of it."""

from __future__ import annotations

from dataclasses import dataclass

from inspector.model.call import StreamKey


@dataclass(frozen=True, slots=True)
class Change:
    """New frames are the positions from `first_frame` up to, not including, `end_frame`."""

    first_frame: int
    end_frame: int
    packets: int = 0
    """How many packets were added."""
    calls: frozenset[StreamKey] = frozenset()
    """Calls that are new or know more than before."""
    connections: frozenset[int] = frozenset()
    """Connections that are new or know more than before."""
    traffic: frozenset[int] = frozenset()
    """Connections that carried packets."""
    rewritten: bool = False
    """True when what earlier frames say has changed too, as when a connection's sides were exchanged."""
    first_kept: int = 0
    """Frames before this position are not kept any more; 0 where none were dropped."""
    gone: frozenset[StreamKey] = frozenset()
    """Calls that are not kept any more."""
    leaving: frozenset[StreamKey] | None = None
    """Calls of which a part at least goes next: look at them now. None where nothing is about to go."""

    def merged(self, later: Change) -> Change:
        """Give this change and the one that came right after it, as one."""
        return Change(
            self.first_frame,
            later.end_frame,
            self.packets + later.packets,
            (self.calls | later.calls) - later.gone,
            self.connections | later.connections,
            self.traffic | later.traffic,
            self.rewritten or later.rewritten,
            max(self.first_kept, later.first_kept),
            self.gone | later.gone,
        )
