"""Where a call that was sent from here is seen: among the captured ones, or in the client's own account of it.

Owns the accounts. Draws one that says more with the next drawing of the screen, not with every message.
"""

from __future__ import annotations

from collections.abc import Iterable

from inspector.model.call import CallKind, StreamKey
from inspector.schema.catalog import Catalog
from inspector.ui.accounts import Accounts
from inspector.ui.feed import Feed
from inspector.ui.parts.room import Room
from inspector.ui.sending import Sending
from inspector.ui.sent_call import SentCall
from inspector.ui.widgets.browser import Browser
from inspector.views.account import Account


class SentView:
    """Shows calls that were sent."""

    def __init__(self, feed: Feed, browser: Browser, room: Room, sending: Sending, catalog: Catalog) -> None:
        self._feed, self._browser, self._room = feed, browser, room
        self._sending, self._catalog = sending, catalog
        self._accounts = Accounts()
        self._has_news = False
        """True when an account says more than is drawn."""

    def tell_of(self, account: Account) -> None:
        """Show what the client says of its calls from now on, where the wire tells nothing, and this one with them."""
        self._accounts.add(account)
        self._show_accounts()

    def note(self) -> None:
        """A message passed in a call that the wire tells nothing of."""
        self._has_news = True
        self._feed.stir()

    def draw(self) -> None:
        """Draw what accounts say by now."""
        if self._has_news:
            self._has_news = False
            self._browser.detail.told_more()

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
