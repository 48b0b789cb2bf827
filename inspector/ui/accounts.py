"""The client's accounts of calls that the wire cannot tell of: which of them are kept."""

from __future__ import annotations

from typing import Final

from inspector.views.account import Account

MOST_BYTES: Final = 16 * 1024 * 1024
"""Of the messages of one call."""
_MOST: Final = 50
"""Calls; with the bound above and 64 MB for a single message, a day of sending stays bounded."""


class Accounts(list[Account]):
    """The accounts, the earliest first."""

    def add(self, account: Account) -> None:
        """Keep one more, and the earliest no longer when there are many."""
        self.append(account)
        del self[:-_MOST]
