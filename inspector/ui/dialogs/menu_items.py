"""The items of the dialogs: methods, earlier requests, active calls, filters by field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from inspector.client.history import HistoryEntry
from inspector.model.call import Call, CallKind
from inspector.model.packet import Field
from inspector.schema.catalog import GREET_METHOD, GREET_ORIGIN, Catalog, Method
from inspector.schema.untyped import WITHOUT_SCHEMA, untyped_method
from inspector.store.filters.syntax import FORCE, Language, display_text, language
from inspector.text import counted
from inspector.ui.active_calls import SentCall
from inspector.ui.dialogs.choice import Choice
from inspector.ui.draft import KIND_WORDS, Draft, draft_of, one_line, seen_kind

_OF_GRPC = "/grpc."


def default_method(catalog: Catalog, latest: str | None = None) -> str | None:
    """The method to begin with at a service that somebody else runs; None where no schema tells of one.

    The one that was called there last, else greet, else the first unary one of the service's own.
    """
    if latest is not None and catalog.method(latest) is not None:
        return latest
    own = [method for method in catalog.methods.values() if _is_own(method)]
    if any(method.path == GREET_METHOD for method in own):
        return GREET_METHOD
    return next((each.path for each in (*(m for m in own if m.kind is CallKind.UNARY), *own)), None)


def listed_methods(catalog: Catalog, *, is_greet: bool) -> Iterator[Method]:
    """Every method, the service's own first, then those of gRPC itself.

    The greet service's own are there for that service, and where nothing tells of another: then they are a guess.
    """
    found = sorted(catalog.methods.values(), key=lambda method: (not _is_own(method), _service(method)))
    with_greet = is_greet or not any(map(_is_own, found))
    yield from (method for method in found if with_greet or method.origin != GREET_ORIGIN)


def _is_own(method: Method) -> bool:
    return method.origin != GREET_ORIGIN and not method.path.startswith(_OF_GRPC)


def _service(method: Method) -> str:
    return method.path.rpartition("/")[0]


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


def history_choices(entries: Iterable[HistoryEntry]) -> list[Choice]:
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


def _sent(entry: HistoryEntry) -> str:
    return f"{entry.method.rpartition('/')[2]}  {'  '.join(one_line(text) for text in entry.messages)}"


def _how(entry: HistoryEntry, draft: Draft) -> str:
    when = datetime.fromtimestamp(entry.sent_at).astimezone() if entry.sent_at else None
    words = (entry.status, f"{when:%d %b %H:%M}" if when else "", entry.target, *draft.settings.summary)
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
