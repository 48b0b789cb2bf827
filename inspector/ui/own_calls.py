"""Finds, among the captured calls, those that the request box sent.

Pure: told what was sent and from which local ports, and shown the calls as the store knows them. A call is ours when
its client's port is one of ours and it is of the method that was sent; calls of one method are told apart by their
order. Nothing is added to a call on the wire for this.
"""

from __future__ import annotations

from collections.abc import Iterable

from inspector.model.call import Call, StreamKey
from inspector.store.store import Store
from inspector.ui.sent_call import SentCall


class OwnCalls:
    """The sent calls whose frames are still awaited, and those that were found."""

    def __init__(self) -> None:
        self._awaited: list[SentCall] = []
        self._found: set[StreamKey] = set()
        self._ports: set[int] = set()

    @property
    def awaiting(self) -> bool:
        """True while a sent call has not been seen on the wire."""
        return bool(self._awaited)

    def sent(self, call: SentCall) -> None:
        """A call is on its way."""
        self._awaited.append(call)

    def gave_up(self, call: SentCall) -> None:
        """A call failed; when none of its frames was seen by now, none is awaited any more."""
        if call in self._awaited:
            self._awaited.remove(call)

    def match(self, store: Store, touched: Iterable[StreamKey], ports: frozenset[int]) -> StreamKey | None:
        """The latest of the touched calls that is found to be ours, each told its stream; None when none is new.

        `ports` are our local ports as of now, as they are recorded. Those of earlier connections are remembered:
        frames may come to be decoded after their connection is gone.
        """
        self._ports |= ports
        latest = None
        for key in sorted(touched, key=lambda each: store.calls[each].started):
            if self.awaiting and key not in self._found and self._claims(store, store.calls[key]):
                self._found.add(key)
                latest = key
        return latest

    def _claims(self, store: Store, call: Call) -> bool:
        if store.connections[call.key.connection].client.port not in self._ports:
            return False
        sent = next((each for each in self._awaited if each.method.path == call.method), None)
        if sent is None:
            return False
        self._awaited.remove(sent)
        sent.key = call.key
        return True
