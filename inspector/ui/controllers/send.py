"""The request box, and the calls that are sent from it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from inspector.client.active_call import Outcome
from inspector.errors import InspectorError, RequestError
from inspector.model.call import CallKind, StreamKey
from inspector.present.client_trace import ClientTrace
from inspector.schema.catalog import Catalog, Method
from inspector.schema.encode import build
from inspector.ui.active_calls import CallSender, SentCall
from inspector.ui.browser import Browser
from inspector.ui.controllers.captions import outcome_words, request_placeholder
from inspector.ui.controllers.context import Hears, ScreenContext
from inspector.ui.controllers.focus import FocusController
from inspector.ui.dialogs.menu_items import default_method
from inspector.ui.draft import Draft, message_texts, method_of
from inspector.ui.feed import Feed
from inspector.ui.history import RequestHistory
from inspector.ui.messages import Requested, SecretAsked
from inspector.ui.subject import MOST_BYTES, ClientTraces
from inspector.ui.widgets.request_box import RequestBox


class RequestForm:
    """The request box with its method."""

    def __init__(
        self,
        stage: ScreenContext,
        box: RequestBox,
        room: FocusController,
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
            self._box.show_draft(draft)

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
        self._box.show_draft(draft)
        self._room.enter(self._box)

    def let_type_over(self) -> None:
        """What is typed next takes the place of what stands there, as after Enter."""
        self._box.select_all()

    def _show(self, method: Method | None) -> None:
        if self._box.is_attached:  # not while the app ends
            words = request_placeholder(method, self._catalog, is_waiting=not self.is_prepared)
            self._box.show_method(method, words, self._history.texts(method.path) if method else ())
            self._stage.renew_keys()


class SentCallView:
    """Shows calls that were sent."""

    def __init__(
        self, feed: Feed, browser: Browser, room: FocusController, sending: CallSender, catalog: Catalog
    ) -> None:
        self._feed, self._browser, self._room = feed, browser, room
        self._sending, self._catalog = sending, catalog
        self._accounts = ClientTraces()
        self._has_news = False
        """True when an account says more than is drawn."""

    def tell_of(self, account: ClientTrace) -> None:
        """Show what the client says of its calls from now on, where the wire tells nothing, and this one with them."""
        self._accounts.add(account)
        self._show_accounts()

    def note(self) -> None:
        """A message passed in a call that the wire tells nothing of."""
        self._has_news = True
        self._feed.request_draw()

    def draw(self) -> None:
        """Draw what accounts say by now."""
        if self._has_news:
            self._has_news = False
            self._browser.detail.update_trace()

    def show(self, call: SentCall) -> None:
        """Show a call that was sent: on the wire, or by the client's account."""
        if call.key is not None:
            self._browser.show_call(call.key, with_tail=True)
        elif call.account is not None:
            self._show_accounts()

    def select_own(self, touched: Iterable[StreamKey]) -> None:
        """Select the latest of these calls, if it turns out to be one that was sent from here."""
        if (key := self._sending.own_call(touched)) is not None:
            method = self._catalog.method(self._feed.store.calls[key].method)
            self._browser.show_call(key, with_tail=method is None or method.kind is not CallKind.UNARY)

    def _show_accounts(self) -> None:
        """Where there is room for one side, that side."""
        self._browser.show_told(self._accounts)
        self._room.use_side(right=True)


NO_METHOD: Final = RequestError(
    "No method is chosen.", "Ctrl+T chooses one, and takes any that is typed; --proto FILE gives a schema."
)


class CallController:
    """Sends drafts."""

    def __init__(
        self,
        stage: ScreenContext,
        form: RequestForm,
        box: RequestBox,
        sending: CallSender,
        view: SentCallView,
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
            call.account = ClientTrace(self._catalog, method, sending.target, draft.settings.metadata, MOST_BYTES)
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
