"""Sending from the screen: which method is called, what leaves in which call, and how that went.

Owns the request box's method and what was sent before. A call that runs belongs to `Sending`; what it was on the wire
comes from the capture.
"""

from __future__ import annotations

import asyncio
from typing import Final

from textual import on

from inspector.client.outcome import Outcome
from inspector.errors import InspectorError, RequestError
from inspector.schema.catalog import Method
from inspector.schema.request import build
from inspector.session import LiveSource, Session
from inspector.ui.accounts import MOST_BYTES, Accounts
from inspector.ui.draft import Draft, message_texts, method_of
from inspector.ui.launch import Launch
from inspector.ui.messages import Requested
from inspector.ui.methods import default_method
from inspector.ui.request_history import RequestHistory
from inspector.ui.screens.capture_actions import CaptureActions
from inspector.ui.sending import Sending
from inspector.ui.sent_call import SentCall
from inspector.ui.widgets.request_box import RequestBox
from inspector.ui.widgets.words import request_placeholder
from inspector.views.account import Account

NO_METHOD: Final = RequestError(
    "No method is chosen.", "Ctrl+T chooses one, and takes any that is typed; --proto FILE gives a schema."
)
_WITH_BOX: Final = frozenset({"focus_request", "edit", "choose_method", "recall", "choose_call", "resend", "reconnect"})
"""Actions that need a service to call."""


class Calling(CaptureActions):
    """The part of the inspection screen that sends."""

    def __init__(self, launch: Launch, session: Session, target: str | None) -> None:
        """`target` is the service to call; None for a capture that is only looked at."""
        super().__init__(launch, session)
        self.history = RequestHistory(launch.history)
        self.sending = None if target is None else Sending(session, target, launch.connection)
        self.accounts = Accounts()
        self._prepared = asyncio.Event()
        self.is_chosen = False
        """True when the user has chosen a method."""

    @property
    def box(self) -> RequestBox | None:
        """The request box; None where nothing can be sent."""
        return next(iter(self.query(RequestBox)), None)

    def begin_sending(self) -> None:
        """Show the method to begin with. At a service of somebody else's its schema is waited for."""
        if self.is_greet or self.launch.prepare is None:
            self._prepared.set()
            self.choose(self.launch.catalog.method(self.launch.method))
        else:
            self.choose(None)

    def schema_known(self) -> None:
        """The catalog has come to know more: there may be a method now, or another type for the same."""
        self._prepared.set()
        box, catalog = self.box, self.launch.catalog
        if box is None or self.sending is None:
            return
        if self.is_chosen or self.is_greet:
            self.choose(box.method and (catalog.method(box.method.path) or box.method))
        else:
            path = default_method(catalog, self.history.latest_method(self.sending.target))
            self.choose(catalog.method(path))

    def choose(self, method: Method | None) -> None:
        """Call another method from now on."""
        if (box := self.box) is not None:
            words = request_placeholder(method, self.launch.catalog, is_waiting=not self._prepared.is_set())
            box.show_method(method, words, self.history.texts(method.path) if method else ())
            self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """No way to a request box where there is none, nothing to end where nothing runs."""
        if action in _WITH_BOX and self.sending is None:
            return False
        if action in ("half_close", "cancel"):
            call = self._current
            return (
                call is not None
                and self.focused is not self.query_one("#filter")
                and (action == "cancel" or call.takes_more)
            )
        return True

    def tell_outcome(self, call: SentCall, outcome: Outcome) -> None:
        """Say why a call failed; one that went well takes back what was said."""
        raise NotImplementedError

    @property
    def is_greet(self) -> bool:
        """True where the greet service was started or found, and not somebody else's attached to."""
        return isinstance(self.session.source, LiveSource) and self.session.source.greet

    @property
    def _current(self) -> SentCall | None:
        if self.sending is None or (box := self.box) is None:
            return None
        return self.sending.calls.current(box.method.path if box.method else None)

    @on(Requested)
    def _request(self, event: Requested) -> None:
        self.send_draft(event.draft, is_apart=event.is_apart)

    def send_draft(self, draft: Draft | None, *, is_apart: bool = False) -> None:
        """Send a draft in the call that is open for more, else in a new one, as soon as the schema is there."""
        if self._prepared.is_set():
            self._send_now(draft, is_apart=is_apart)
        else:
            self.work(self._send_prepared(draft))

    async def _send_prepared(self, draft: Draft | None) -> None:
        await self._prepared.wait()
        box = self.box
        if draft is None and box is not None and box.method is not None:
            draft = Draft(box.method.path, box.value)
        self._send_now(draft)

    def _send_now(self, draft: Draft | None, *, is_apart: bool = False) -> None:
        # Up to its place in the queue of its call, a message waits for nothing: messages stay in their order.
        try:
            self._queue(draft, is_apart=is_apart)
        except InspectorError as error:
            if self.box is not None:
                self.box.not_sent()
            self.tell(error.message, error.hint)

    def _queue(self, draft: Draft | None, *, is_apart: bool) -> None:
        if draft is None or self.sending is None:
            raise NO_METHOD
        self.is_chosen = True  # what was sent once is not changed behind the user's back
        method = method_of(draft, self.launch.catalog)
        texts = [each.text for each in message_texts(draft.text, method.kind)]
        messages = [build(text, method, self.launch.catalog) for text in texts]
        call = None if is_apart else self.sending.calls.open_call(draft.path)
        if call is not None and call.draft.settings != draft.settings:
            self.say("The settings of an open call cannot change: another call begins.")
            call = None
        if call is None:
            call = self._begun(method, draft, self.sending)
        for text, message in zip(texts, messages, strict=True):
            call.send(text, message)

    def _begun(self, method: Method, draft: Draft, sending: Sending) -> SentCall:
        call = SentCall(method, draft)
        if sending.is_unseen:
            call.account = Account(self.launch.catalog, method, sending.target, draft.settings.metadata, MOST_BYTES)
            call.on_passed = self.account_changed
            self.accounts.add(call.account)
            self.show_accounts()
        sending.calls.add(call)
        self.work(self._run(call))
        return call

    def show_accounts(self) -> None:
        """Show what the client says of its calls, where the wire tells nothing."""
        raise NotImplementedError

    def account_changed(self) -> None:
        """A message passed in a call that the wire tells nothing of."""
        raise NotImplementedError

    async def _run(self, call: SentCall) -> None:
        box, outcome = self.box, None
        if self.sending is None or box is None:
            return
        box.begin()
        self.refresh_bindings()
        try:
            outcome, entry = await self.sending.run(call)
        finally:
            box.end(call, outcome)
            self.refresh_bindings()
        self.history.add(entry)
        self.tell_outcome(call, outcome)

    def _action_half_close(self) -> None:
        if (call := self._current) is not None:
            call.half_close()
            self.refresh_bindings()

    def _action_cancel(self) -> None:
        if (call := self._current) is not None:
            call.cancel()
