"""Sends what stands in the request box, or in the editor: what leaves in which call, and how that went.

Owns nothing that lasts. A call that runs belongs to `Sending`; what it was on the wire comes from the capture.
"""

from __future__ import annotations

from typing import Final

from inspector.client.outcome import Outcome
from inspector.errors import InspectorError, RequestError
from inspector.schema.catalog import Catalog, Method
from inspector.schema.request import build
from inspector.ui.accounts import MOST_BYTES
from inspector.ui.draft import Draft, message_texts, method_of
from inspector.ui.messages import Requested, SecretAsked
from inspector.ui.parts.form import Form
from inspector.ui.parts.sent_view import SentView
from inspector.ui.parts.stage import Hears, Stage
from inspector.ui.request_history import RequestHistory
from inspector.ui.sending import Sending
from inspector.ui.sent_call import SentCall
from inspector.ui.widgets.request_box import RequestBox
from inspector.ui.widgets.words import outcome_words
from inspector.views.account import Account

NO_METHOD: Final = RequestError(
    "No method is chosen.", "Ctrl+T chooses one, and takes any that is typed; --proto FILE gives a schema."
)


class Calling:
    """Sends drafts."""

    def __init__(
        self,
        stage: Stage,
        form: Form,
        box: RequestBox,
        sending: Sending,
        view: SentView,
        catalog: Catalog,
        history: RequestHistory,
    ) -> None:
        self._stage, self._form, self._box = stage, form, box
        self._sending, self._view = sending, view
        self._catalog, self._history = catalog, history

    @property
    def hears(self) -> Hears:
        """Enter in the request box."""
        return {Requested: lambda event: self.send(event.draft, is_apart=event.is_apart)}

    def send(self, draft: Draft | None, *, is_apart: bool = False) -> None:
        """Send a draft in the call that is open for more, else in a new one, as soon as the schema is there."""
        if self._form.is_prepared:
            self._send_now(draft, is_apart=is_apart)
        else:
            self._stage.work(self._send_prepared(draft))

    async def _send_prepared(self, draft: Draft | None) -> None:
        await self._form.prepared()
        if draft is None and (method := self._form.method) is not None:
            draft = Draft(method.path, self._box.value)
        self._send_now(draft)

    def _send_now(self, draft: Draft | None, *, is_apart: bool = False) -> None:
        # Up to its place in the queue of its call, a message waits for nothing: messages stay in their order.
        try:
            self._queue(draft, is_apart=is_apart)
        except InspectorError as error:
            self._box.not_sent()
            self._stage.tell(error.message, error.hint)

    def _queue(self, draft: Draft | None, *, is_apart: bool) -> None:
        if draft is None:
            raise NO_METHOD
        self._form.settle()
        if draft.settings.masked:
            self._stage.post(SecretAsked(draft))
            return
        method = method_of(draft, self._catalog)
        texts = [each.text for each in message_texts(draft.text, method.kind)]
        messages = [build(text, method, self._catalog) for text in texts]
        call = (None if is_apart else self._open_call(draft)) or self._begun(method, draft)
        for text, message in zip(texts, messages, strict=True):
            call.send(text, message)
        if self._sending.is_stopped:
            self._stage.say("The capture is stopped: what is sent now is not seen. Ctrl+E goes on.")

    def _open_call(self, draft: Draft) -> SentCall | None:
        """The call that further messages go to."""
        call = self._sending.calls.open_call(draft.path)
        if call is not None and call.draft.settings != draft.settings:
            self._stage.say("The settings of an open call cannot change: another call begins.")
            return None
        return call

    def _begun(self, method: Method, draft: Draft) -> SentCall:
        call, sending = SentCall(method, draft), self._sending
        if sending.is_unseen:
            call.account = Account(self._catalog, method, sending.target, draft.settings.metadata, MOST_BYTES)
            call.on_passed = self._view.note
            self._view.tell_of(call.account)
        sending.calls.add(call)
        self._stage.work(self._run(call))
        return call

    async def _run(self, call: SentCall) -> None:
        outcome: Outcome | None = None
        self._stage.tell("")  # what is told of a call before is not of this one
        self._box.begin()
        self._stage.renew_keys()
        try:
            outcome, entry = await self._sending.run(call)
        finally:
            self._box.end(call, outcome)
            self._stage.renew_keys()
        self._history.add(entry)
        self._stage.tell(*outcome_words(outcome, self._catalog), call.method.path.removeprefix("/"))
