"""What is selected. A row of any list leads to one of these, and the right side shows it."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from inspector.model.call import Call
from inspector.store.change import Change
from inspector.store.store import Store


class FrameAt(NamedTuple):
    """A frame, by its position in the store; and with it its call."""

    position: int

    def call(self, store: Store) -> Call | None:
        """The call that it belongs to."""
        return store.call_of(store.frames[self.position])

    def is_touched(self, store: Store, change: Change) -> bool:
        """True when a change may have something to say of it."""
        call = self.call(store)
        return call is not None and (call.key in change.calls or call.key.connection in change.connections)


class PacketAt(NamedTuple):
    """A packet, by its number in the capture, which begins with 1."""

    number: int

    def is_touched(self, store: Store, change: Change) -> bool:  # noqa: ARG002 - as every subject's
        """What is known of it comes beside the store, at any time."""
        return True


Subject: TypeAlias = FrameAt | PacketAt
