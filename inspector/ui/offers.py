"""What the dialogs offer: methods, earlier requests, running calls, filters by a field. Values in, choices out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from inspector.client.history_file import Entry
from inspector.model.call import Call
from inspector.model.dissection import Field
from inspector.schema.catalog import Catalog
from inspector.schema.untyped import WITHOUT_SCHEMA, untyped_method
from inspector.store.filter_language import FORCE, Language, display_text, language
from inspector.ui.draft import KIND_WORDS, Draft, one_line
from inspector.ui.draft_source import seen_kind
from inspector.ui.kept import draft_of
from inspector.ui.methods import listed_methods
from inspector.ui.screens.choice import Choice
from inspector.ui.sent_call import SentCall
from inspector.views.text import counted

EDIT: Final = ("f2", "ctrl+g")
SEND: Final = ("f5", "ctrl+j", "ctrl+enter")
END: Final = ("ctrl+x", "ctrl+d")
"""Keys that choose, beside Enter."""
CLEAR: Final = ("ctrl+x",)
"""Of the history: all of it is meant."""


def method_choices(catalog: Catalog, calls: Iterable[Call], *, is_greet: bool) -> list[Choice]:
    """Every method with its kind, its types and where its schema is from; then those of calls that no schema knows."""
    known = [
        Choice(
            method,
            method.path.removeprefix("/"),
            f"{KIND_WORDS[method.kind]:<13}  {method.request_name} → {method.response_name}  {method.origin}",
        )
        for method in listed_methods(catalog, is_greet=is_greet)
    ]
    seen = {call.method: seen_kind(call) for call in calls if call.method and catalog.method(call.method) is None}
    return [
        *known,
        *(
            Choice(
                untyped_method(path, kind),
                path.removeprefix("/"),
                f"{KIND_WORDS[kind]:<13}  seen here, {WITHOUT_SCHEMA}",
            )
            for path, kind in seen.items()
        ),
    ]


def history_choices(entries: Iterable[Entry]) -> list[Choice]:
    """What was sent, the latest first; the same request once, and masked only where its secrets are not known."""
    latest = {draft_of(each): each for each in entries}
    masked = {draft: draft.settings.masked for draft in latest if draft.settings.masked}
    known = {_blanked(draft, names) for names in {*masked.values()} for draft in latest if draft not in masked}
    for draft, names in masked.items():
        if _blanked(draft, names) in known:
            del latest[draft]
    found = sorted(latest.items(), key=lambda each: -each[1].sent_at)
    return [Choice(draft, _sent(entry), _how(entry, draft)) for draft, entry in found]


def _blanked(draft: Draft, names: Sequence[str]) -> Draft:
    """A draft without the values of some metadata."""
    metadata = tuple((name, "" if name in names else value) for name, value in draft.settings.metadata)
    return replace(draft, settings=replace(draft.settings, metadata=metadata, masked=()))


def call_choices(calls: Iterable[SentCall]) -> list[Choice]:
    """The calls that run, with the streams that they are on the wire."""
    return [Choice(call, call.method.path.removeprefix("/"), _state(call)) for call in calls]


def _state(call: SentCall) -> str:
    stream = "" if call.key is None else str(call.key)
    end = "" if call.takes_more else "half-closed"
    replies = counted(call.received, "reply", "replies")
    latest = f"latest: {one_line(call.texts[-1])}" if call.texts and call.texts[-1] else ""
    words = (stream, f"{call.sent} sent", replies, end, latest, KIND_WORDS[call.method.kind])
    return "  ".join(word for word in words if word)


def _sent(entry: Entry) -> str:
    return f"{entry.method.rpartition('/')[2]}  {'  '.join(one_line(text) for text in entry.messages)}"


def _how(entry: Entry, draft: Draft) -> str:
    when = datetime.fromtimestamp(entry.sent_at).astimezone() if entry.sent_at else None
    words = (entry.status, f"{when:%d %b %H:%M}" if when else "", entry.target, *draft.settings.words)
    return "  ".join(word for word in words if word)


def field_filters(field: Field, current: str) -> list[Choice]:
    """The display filters that a field leads to: by itself, and with the display filter that is on."""
    if not (found := field.filter):
        return []
    ways = [(found, "apply"), (f"!({found})", "not")]
    if language(current) is Language.DISPLAY and (before := display_text(current)):
        ways += [
            (f"({before}) && {found}", "and"),
            (f"({before}) || {found}", "or"),
            (f"({before}) && !({found})", "and not"),
        ]
    if (name := field.name) != found:
        ways.append((name, "any value"))
    return [Choice(_marked(text), text, facts) for text, facts in ways]


def _marked(text: str) -> str:
    """A display filter that is seen to be one."""
    return text if language(text) is Language.DISPLAY else f"{FORCE} {text}"
