"""What stands in the request box: which method is called, and the draft of its message.

Owns which method it begins with, and whether the user has chosen another: that one stays, whatever the schema comes to
tell. Sends nothing.
"""

from __future__ import annotations

import asyncio

from inspector.schema.catalog import Catalog, Method
from inspector.ui.draft import Draft, method_of
from inspector.ui.methods import default_method
from inspector.ui.parts.room import Room
from inspector.ui.parts.stage import Stage
from inspector.ui.request_history import RequestHistory
from inspector.ui.widgets.request_box import RequestBox
from inspector.ui.widgets.words import request_placeholder


class Form:
    """The request box with its method."""

    def __init__(
        self,
        stage: Stage,
        box: RequestBox,
        room: Room,
        catalog: Catalog,
        history: RequestHistory,
        *,
        target: str,
        is_greet: bool,
    ) -> None:
        """`target` is the service; `is_greet` says that it is the greet service, whose schema is known."""
        self._stage, self._box, self._room = stage, box, room
        self._catalog, self._history = catalog, history
        self._target, self.is_greet = target, is_greet
        self._is_chosen = False
        """True when the user has chosen a method."""
        self._prepared = asyncio.Event()
        history.on_clear.append(lambda: self._show(box.method))

    @property
    def method(self) -> Method | None:
        """The method that is called."""
        return self._box.method

    @property
    def draft(self) -> Draft | None:
        """What would be sent now; None without a method."""
        return self._box.draft

    @property
    def is_prepared(self) -> bool:
        """True when no schema is waited for."""
        return self._prepared.is_set()

    async def prepared(self) -> None:
        """Wait until the schema is there."""
        await self._prepared.wait()

    def begin(self, path: str, *, is_awaited: bool) -> None:
        """Show the method to begin with; while a schema `is_awaited`, none."""
        if is_awaited and not self.is_greet:
            self._show(None)
        else:
            self._prepared.set()
            self._show(self._catalog.method(path))

    def go_on(self, draft: Draft | None) -> None:
        """Begin with what stood in the box of an earlier session on the same capture; the schema is known."""
        self.schema_known()
        if draft is not None:
            self.settle()
            self._show(method_of(draft, self._catalog))
            self._box.take(draft)

    def schema_known(self) -> None:
        """The catalog has come to know more: there may be a method now, or another type for the same."""
        self._prepared.set()
        if self._is_chosen or self.is_greet:
            self._show(self.method and (self._catalog.method(self.method.path) or self.method))
        else:
            path = default_method(self._catalog, self._history.latest_method(self._target))
            self._show(self._catalog.method(path))

    def settle(self) -> None:
        """Keep the method that is shown: what was sent once is not changed behind the user's back."""
        self._is_chosen = True

    def choose(self, method: Method) -> None:
        """The user wants to call another method."""
        self.settle()
        self._show(method)
        self._room.enter(self._box)

    def take(self, draft: Draft) -> None:
        """Put a draft into the request box, with its method."""
        if self.method != (method := method_of(draft, self._catalog)):
            self.settle()
            self._show(method)
        self._box.take(draft)
        self._room.enter(self._box)

    def let_type_over(self) -> None:
        """What is typed next takes the place of what stands there, as after Enter."""
        self._box.select_all()

    def _show(self, method: Method | None) -> None:
        if self._box.is_attached:  # not while the app ends
            words = request_placeholder(method, self._catalog, is_waiting=not self.is_prepared)
            self._box.show_method(method, words, self._history.texts(method.path) if method else ())
            self._stage.renew_keys()
