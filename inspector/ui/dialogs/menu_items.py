"""The items of choice dialogs: methods, the request history, active calls, filters by field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from inspector.client.history import HistoryEntry
from inspector.model.call import Call, CallKind
from inspector.model.dissection import Field
from inspector.schema.catalog import GREET_METHOD, GREET_ORIGIN, Catalog, Method
from inspector.schema.untyped import WITHOUT_SCHEMA, untyped_method
from inspector.store.filters.syntax import DISPLAY_PREFIX, Language, display_text, language
from inspector.text import counted
from inspector.ui.active_calls import SentCall
from inspector.ui.dialogs.choice import Choice
from inspector.ui.draft import KIND_WORDS, Draft, captured_kind, draft_of, one_line

_GRPC_PREFIX = "/grpc."
"""The services of gRPC itself, such as reflection and health."""


def default_method(catalog: Catalog, latest: str | None = None) -> str | None:
    """Return the first method in the request box for a service other than greet; None if the schema has none.

    It is the one that was called there last, else greet, else the service's first unary method, else its first method.
    """
    if latest is not None and catalog.method(latest) is not None:
        return latest
    own = [method for method in catalog.methods.values() if _is_own(method)]
    if any(method.path == GREET_METHOD for method in own):
        return GREET_METHOD
    return next((each.path for each in (*(m for m in own if m.kind is CallKind.UNARY), *own)), None)


def listed_methods(catalog: Catalog, *, is_greet: bool) -> Iterator[Method]:
    """Yield all methods, those of gRPC itself last.

    Those of the built-in schema of the greet service are included for that service, and as a guess when no other
    method is known.
    """
    found = sorted(catalog.methods.values(), key=lambda method: (not _is_own(method), _service(method)))
    with_greet = is_greet or not any(map(_is_own, found))
    yield from (method for method in found if with_greet or method.origin != GREET_ORIGIN)


def _is_own(method: Method) -> bool:
    return method.origin != GREET_ORIGIN and not method.path.startswith(_GRPC_PREFIX)


def _service(method: Method) -> str:
    return method.path.rpartition("/")[0]


EDIT: Final = ("f2", "ctrl+g")
SEND: Final = ("f5", "ctrl+j", "ctrl+enter")
END: Final = ("ctrl+x", "ctrl+d")
CLEAR: Final = ("ctrl+x",)
"""Keys that choose in a dialog, besides Enter. `CLEAR` is about the whole history."""


def method_choices(catalog: Catalog, calls: Iterable[Call], *, is_greet: bool) -> list[Choice]:
    """Return all methods with kind, types and source of the schema, then those of captured calls without a schema."""
    in_schema = [
        Choice(
            method,
            method.path.removeprefix("/"),
            f"{KIND_WORDS[method.kind]:<13}  {method.request_name} → {method.response_name}  {method.origin}",
        )
        for method in listed_methods(catalog, is_greet=is_greet)
    ]
    captured = {
        call.method: captured_kind(call) for call in calls if call.method and catalog.method(call.method) is None
    }
    return [
        *in_schema,
        *(
            Choice(
                untyped_method(path, kind),
                path.removeprefix("/"),
                f"{KIND_WORDS[kind]:<13}  captured, {WITHOUT_SCHEMA}",
            )
            for path, kind in captured.items()
        ),
    ]


def history_choices(entries: Iterable[HistoryEntry]) -> list[Choice]:
    """Return the requests, the latest first and each once. Leave out a masked one whose unmasked form is there."""
    latest = {draft_of(each): each for each in entries}
    masked = {draft: draft.settings.masked for draft in latest if draft.settings.masked}
    unmasked = {_without(draft, names) for names in {*masked.values()} for draft in latest if draft not in masked}
    for draft, names in masked.items():
        if _without(draft, names) in unmasked:
            del latest[draft]
    found = sorted(latest.items(), key=lambda each: -each[1].sent_at)
    return [Choice(draft, _request_text(entry), _facts(entry, draft)) for draft, entry in found]


def _without(draft: Draft, names: Sequence[str]) -> Draft:
    """Return a draft without the values of some metadata."""
    metadata = tuple((name, "" if name in names else value) for name, value in draft.settings.metadata)
    return replace(draft, settings=replace(draft.settings, metadata=metadata, masked=()))


def call_choices(calls: Iterable[SentCall]) -> list[Choice]:
    """Return the active calls with their streams and progress."""
    return [Choice(call, call.method.path.removeprefix("/"), _state(call)) for call in calls]


def _state(call: SentCall) -> str:
    stream = "" if call.key is None else str(call.key)
    end = "" if call.takes_more else "half-closed"
    replies = counted(call.received, "reply", "replies")
    latest = f"latest: {one_line(call.texts[-1])}" if call.texts and call.texts[-1] else ""
    facts = (stream, f"{call.sent} sent", replies, end, latest, KIND_WORDS[call.method.kind])
    return "  ".join(filter(None, facts))


def _request_text(entry: HistoryEntry) -> str:
    return f"{entry.method.rpartition('/')[2]}  {'  '.join(one_line(text) for text in entry.messages)}"


def _facts(entry: HistoryEntry, draft: Draft) -> str:
    when = datetime.fromtimestamp(entry.sent_at).astimezone() if entry.sent_at else None
    facts = (entry.status, f"{when:%d %b %H:%M}" if when else "", entry.target, *draft.settings.summary)
    return "  ".join(filter(None, facts))


def field_filters(field: Field, current: str) -> list[Choice]:
    """Return display filters for a field: alone, and combined with the current display filter."""
    if not (found := field.filter):
        return []
    filters = [(found, "apply"), (f"!({found})", "not")]
    if language(current) is Language.DISPLAY and (previous := display_text(current)):
        filters += [
            (f"({previous}) && {found}", "and"),
            (f"({previous}) || {found}", "or"),
            (f"({previous}) && !({found})", "and not"),
        ]
    if (name := field.name) != found:
        filters.append((name, "any value"))
    return [Choice(_unambiguous(text), text, facts) for text, facts in filters]


def _unambiguous(text: str) -> str:
    """Return a display filter in a form that the filter box does not take for words."""
    return text if language(text) is Language.DISPLAY else f"{DISPLAY_PREFIX} {text}"
