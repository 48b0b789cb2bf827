"""What the dialogs offer: methods, earlier requests, running calls. Values in, choices out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from inspector.client.history_file import Entry
from inspector.schema.catalog import Catalog
from inspector.ui.draft import KIND_WORDS, draft_of, one_line
from inspector.ui.methods import listed_methods
from inspector.ui.screens.choice import Choice
from inspector.ui.sent_call import SentCall
from inspector.views.text import counted

EDIT: Final = ("f2", "ctrl+g")
SEND: Final = ("f5", "ctrl+j", "ctrl+enter")
END: Final = ("ctrl+x", "ctrl+d")
"""Keys that choose, beside Enter."""


def method_choices(catalog: Catalog) -> list[Choice]:
    """Every method with its kind, its types and where its schema is from."""
    return [
        Choice(
            method,
            method.path.removeprefix("/"),
            f"{KIND_WORDS[method.kind]}  {method.request_name} → {method.response_name}  {method.origin}",
        )
        for method in listed_methods(catalog)
    ]


def history_choices(entries: Iterable[Entry]) -> list[Choice]:
    """What was sent, the latest first; the same request once."""
    latest = {(each.method, each.messages, each.metadata): each for each in entries}
    found = sorted(latest.values(), key=lambda entry: -entry.sent_at)
    return [Choice(draft_of(entry), _sent(entry), _how(entry)) for entry in found]


def call_choices(calls: Iterable[SentCall]) -> list[Choice]:
    """The calls that run."""
    return [
        Choice(
            call,
            call.method.path.removeprefix("/"),
            f"{KIND_WORDS[call.method.kind]}  {call.sent} sent  {counted(call.received, 'reply', 'replies')}"
            + ("" if call.takes_more else "  half-closed"),
        )
        for call in calls
    ]


def _sent(entry: Entry) -> str:
    return f"{entry.method.rpartition('/')[2]}  {'  '.join(one_line(text) for text in entry.messages)}"


def _how(entry: Entry) -> str:
    when = datetime.fromtimestamp(entry.sent_at).astimezone() if entry.sent_at else None
    metadata = f"{len(entry.metadata)} metadata" if entry.metadata else ""
    words = (entry.status, f"{when:%d %b %H:%M}" if when else "", entry.target, metadata)
    return "  ".join(word for word in words if word)
