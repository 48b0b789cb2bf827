"""Send what is in the request box, and show the calls that are sent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from inspector.client.active_call import Outcome
from inspector.errors import InspectorError, RequestError
from inspector.model.call import CallKind, StreamKey
from inspector.present.client_trace import ClientTrace
from inspector.schema.catalog import GREET_ORIGIN, Catalog, Method
from inspector.schema.encode import build
from inspector.schema.template import short_template
from inspector.schema.typed import descriptor_of
from inspector.ui.active_calls import CallSender, SentCall
from inspector.ui.browser import Browser
from inspector.ui.controllers.context import ScreenContext
from inspector.ui.controllers.navigation import FocusController
from inspector.ui.dialogs.menu_items import default_method
from inspector.ui.draft import Draft, json_text, message_texts, method_of
from inspector.ui.feed import Feed
from inspector.ui.history import RequestHistory
from inspector.ui.messages import SecretsRequired, SendRequested
from inspector.ui.subject import MOST_BYTES, ClientTraces
from inspector.ui.widgets.request_box import RequestBox


class RequestForm:
    """The request box and the method that it calls."""

    def __init__(
        self,
        context: ScreenContext,
        box: RequestBox,
        focus: FocusController,
        catalog: Catalog,
        history: RequestHistory,
        *,
        target: str,
        is_greet: bool,
    ) -> None:
        """`target` is the service's address; `is_greet` is True for the greet service, whose schema is built in."""
        self._context, self._box, self._focus = context, box, focus
        self._catalog, self._history = catalog, history
        self._target, self.is_greet = target, is_greet
        self._is_chosen = False
        """True when the user has chosen or called the method, so that a new schema does not replace it."""
        self._schema_loaded = asyncio.Event()
        history.on_clear.append(lambda: self._show(box.method))

    @property
    def method(self) -> Method | None:
        """The method that Enter calls."""
        return self._box.method

    @property
    def draft(self) -> Draft | None:
        """What Enter would send; None without a method."""
        return self._box.draft

    @property
    def is_schema_loaded(self) -> bool:
        """False while the schema is loaded for the first time."""
        return self._schema_loaded.is_set()

    async def wait_for_schema(self) -> None:
        """Wait until the schema is loaded, or cannot be."""
        await self._schema_loaded.wait()

    def start(self, path: str, *, is_loading: bool) -> None:
        """Show the first method; none while `is_loading`, when a schema is still to come."""
        if is_loading and not self.is_greet:
            self._show(None)
        else:
            self._schema_loaded.set()
            self._show(self._catalog.method(path))

    def restore(self, draft: Draft | None) -> None:
        """Start with what was in the box of an earlier session on the same capture. The schema is already loaded."""
        self.schema_loaded()
        if draft is not None:
            self.keep_method()
            self._show(method_of(draft, self._catalog))
            self._box.show_draft(draft)

    def schema_loaded(self) -> None:
        """Update the method to a schema that was loaded or changed."""
        self._schema_loaded.set()
        if self._is_chosen or self.is_greet:
            self._show(self.method and (self._catalog.method(self.method.path) or self.method))
        else:
            path = default_method(self._catalog, self._history.latest_method(self._target))
            self._show(self._catalog.method(path))

    def keep_method(self) -> None:
        """Keep the current method when another schema is loaded."""
        self._is_chosen = True

    def choose(self, method: Method) -> None:
        """Switch to a method that the user chose, and focus the box."""
        self.keep_method()
        self._show(method)
        self._focus.show(self._box)

    def set_draft(self, draft: Draft) -> None:
        """Put a draft into the box, with its method, and focus the box."""
        if self.method != (method := method_of(draft, self._catalog)):
            self.keep_method()
            self._show(method)
        self._box.show_draft(draft)
        self._focus.show(self._box)

    def action_focus_request(self) -> None:
        """Focus the request box."""
        self._focus.show(self._box)

    def _show(self, method: Method | None) -> None:
        if self._box.is_attached:  # detached while the app exits
            placeholder = request_placeholder(method, self._catalog, is_loading=not self.is_schema_loaded)
            self._box.show_method(method, placeholder, self._history.texts(method.path) if method else ())
            self._context.refresh_bindings()


def request_placeholder(method: Method | None, catalog: Catalog, *, is_loading: bool) -> str:
    """Return the text of the empty request box."""
    if method is None:
        is_schema_known = any(each.origin != GREET_ORIGIN for each in catalog.methods.values())
        if is_loading or is_schema_known:
            return "Asking the service for its methods…" if is_loading else "Ctrl+T chooses a method"
        return "The service offers no schema: use --proto FILE, or Ctrl+T to type a package.Service/Method"
    found = catalog.message_class(method.request_type, method.origin)
    if found is None:
        return 'No schema: use field numbers, as in {"1": "World", "2": 5}, or bytes, as in 0x0a05576f726c64'
    fields = descriptor_of(found).fields
    if len(fields) == 1 and fields[0].message_type is None and not fields[0].is_repeated:
        return f"{method.request_name}: type and press Enter; may be empty"
    return f"{method.request_name}: {short_template(descriptor_of(found))}; F2 edits it"


class SentCallView:
    """Shows the calls that are sent from here: their frames, or the client's trace where frames cannot be read."""

    def __init__(
        self, feed: Feed, browser: Browser, focus: FocusController, sender: CallSender, catalog: Catalog
    ) -> None:
        self._feed, self._browser, self._focus = feed, browser, focus
        self._sender, self._catalog = sender, catalog
        self._traces = ClientTraces()
        self._has_news = False
        """True when a trace has grown since it was drawn."""

    def add_trace(self, trace: ClientTrace) -> None:
        """Show the client's traces, this one among them."""
        self._traces.add(trace)
        self._show_traces()

    def note_trace_changed(self) -> None:
        """Have the traces drawn again soon."""
        self._has_news = True
        self._feed.request_draw()

    def draw(self) -> None:
        """Draw the traces if they have changed."""
        if self._has_news:
            self._has_news = False
            self._browser.detail.update_trace()

    def show(self, call: SentCall) -> None:
        """Show the frames of a call, or its trace."""
        if call.key is not None:
            self._browser.show_call(call.key, with_tail=True)
        elif call.trace is not None:
            self._show_traces()

    def select_own(self, touched: Iterable[StreamKey]) -> None:
        """Select the latest of these captured calls that was sent from here and is not known as such yet."""
        if (key := self._sender.own_call(touched)) is not None:
            method = self._catalog.method(self._feed.store.calls[key].method)
            self._browser.show_call(key, with_tail=method is None or method.kind is not CallKind.UNARY)

    def _show_traces(self) -> None:
        self._browser.show_traces(self._traces)
        self._focus.set_active_side(right=True)


NO_METHOD: Final = RequestError(
    "No method is chosen.", "Ctrl+T chooses one, or takes one that you type; --proto FILE provides a schema."
)


class SendController:
    """Sends drafts, each as a message of an open call or as a new call."""

    def __init__(
        self,
        context: ScreenContext,
        form: RequestForm,
        box: RequestBox,
        sender: CallSender,
        view: SentCallView,
        catalog: Catalog,
        history: RequestHistory,
    ) -> None:
        self._context, self._form, self._box = context, form, box
        self._sender, self._view = sender, view
        self._catalog, self._history = catalog, history

    def on_send_requested(self, message: SendRequested) -> None:
        """Send what is in the request box."""
        self.send(message.draft, is_apart=message.is_apart)

    def send(self, draft: Draft | None, *, is_apart: bool = False) -> None:
        """Send a draft to the open call of its method, else in a new call; with `is_apart` always in a new one.

        While the schema is being loaded, wait for it.
        """
        if self._form.is_schema_loaded:
            self._send_now(draft, is_apart=is_apart)
        else:
            self._context.run_task(self._send_with_schema(draft))

    def send_and_select(self, draft: Draft) -> None:
        """Send a draft that is in the box, and select its text there, so that typing replaces it as after Enter."""
        self.send(draft)
        self._box.select_all()

    async def _send_with_schema(self, draft: Draft | None) -> None:
        await self._form.wait_for_schema()
        if draft is None and (method := self._form.method) is not None:
            draft = Draft(method.path, self._box.value)
        self._send_now(draft)

    def _send_now(self, draft: Draft | None, *, is_apart: bool = False) -> None:
        # No await until the message is in the queue of its call, so that messages keep their order.
        try:
            self._queue(draft, is_apart=is_apart)
        except InspectorError as error:
            self._box.not_sent()
            self._context.show_notice(error.message, error.hint)

    def _queue(self, draft: Draft | None, *, is_apart: bool) -> None:
        if draft is None:
            raise NO_METHOD
        self._form.keep_method()
        if draft.settings.masked:
            self._context.post_message(SecretsRequired(draft))
            return
        method = method_of(draft, self._catalog)
        texts = [each.text for each in message_texts(draft.text, method.kind)]
        messages = [build(text, method, self._catalog) for text in texts]
        call = (None if is_apart else self._open_call(draft)) or self._start_call(method, draft)
        for text, message in zip(texts, messages, strict=True):
            call.send(text, message)
        if self._sender.is_stopped:
            self._context.notify("The capture is stopped, so this call is not captured. Ctrl+E resumes it.")

    def _open_call(self, draft: Draft) -> SentCall | None:
        """Return the call that accepts another message, unless its settings differ."""
        call = self._sender.calls.open_call(draft.path)
        if call is not None and call.draft.settings != draft.settings:
            self._context.notify("The settings of an open call cannot change, so this is a new call.")
            return None
        return call

    def _start_call(self, method: Method, draft: Draft) -> SentCall:
        call, sender = SentCall(method, draft), self._sender
        if sender.is_encrypted:
            call.trace = ClientTrace(self._catalog, method, sender.target, draft.settings.metadata, MOST_BYTES)
            call.on_trace_changed = self._view.note_trace_changed
            self._view.add_trace(call.trace)
        sender.calls.add(call)
        self._context.run_task(self._run(call))
        return call

    async def _run(self, call: SentCall) -> None:
        outcome: Outcome | None = None
        self._context.show_notice("")  # the current notice may be about the previous call
        self._box.begin()
        self._context.refresh_bindings()
        try:
            outcome, entry = await self._sender.run(call)
        finally:
            self._box.end(call, outcome)
            self._context.refresh_bindings()
        self._history.add(entry)
        self._context.show_notice(*_outcome_text(outcome, self._catalog), call.method.path.removeprefix("/"))


def _outcome_text(outcome: Outcome, catalog: Catalog) -> tuple[str, str]:
    """Return why a call failed and the error details from the service, one per line; both empty if it succeeded."""
    rich = outcome.rich(catalog)
    return outcome.detail, "" if rich is None else "\n".join(map(_detail_text, rich.details))


def _detail_text(detail: object) -> str:
    if not isinstance(detail, dict):
        return json_text(detail)
    name = str(detail.get("@type", "")).rpartition(".")[2]
    return f"{name} {json_text({key: value for key, value in detail.items() if key != '@type'})}"
