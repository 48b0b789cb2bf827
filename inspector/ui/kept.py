"""Drafts as the history keeps them, and back. Pure."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator

from inspector.client.history_file import Entry
from inspector.client.options import Metadata
from inspector.model.call import CallKind
from inspector.model.secrets import scheme_of
from inspector.ui.call_settings import Settings
from inspector.ui.draft import Draft
from inspector.views.account import shown_value


def entry_of(draft: Draft, texts: tuple[str, ...], *, target: str, status: str, sent_at: float) -> Entry:
    """What the history keeps of a call: the messages that it had in the end, and the draft's settings."""
    settings = draft.settings
    return Entry(
        draft.path,
        texts,
        target,
        tuple((name, shown_value(value)) for name, value in settings.metadata),
        status,
        sent_at,
        kind=None if draft.kind is None else draft.kind.value,
        deadline=settings.deadline,
        is_endless=settings.is_endless,
        authority=settings.authority,
        largest_message=settings.largest_message,
        is_compressed=settings.is_compressed,
        waits_for_ready=settings.waits_for_ready,
        keepalive=settings.keepalive,
    )


def draft_of(entry: Entry) -> Draft:
    """What the history kept, as a draft again; metadata that is no base64 where it must be is left out."""
    settings = Settings(
        tuple(_pairs(entry)),
        entry.deadline,
        entry.is_endless,
        entry.authority,
        entry.largest_message,
        entry.is_compressed,
        entry.waits_for_ready,
        entry.keepalive,
        entry.masked,
    )
    kind = next((kind for kind in CallKind if kind == entry.kind), None)
    return Draft(entry.method, "\n".join(entry.messages), settings, kind)


def metadata_lines(metadata: Metadata) -> str:
    """One `name: value` a line, bytes as base64."""
    return "\n".join(f"{name}: {shown_value(value)}" for name, value in metadata)


def is_blank(name: str, value: str | bytes) -> bool:
    """Return True for a value of a masked name that nobody has completed yet: empty, or the scheme alone."""
    if isinstance(value, bytes):
        return not value
    return not value.strip() or scheme_of(name, f"{value.strip()} x") == value.strip()


def _pairs(entry: Entry) -> Iterator[tuple[str, str | bytes]]:
    for name, value in entry.metadata:
        is_binary = name.endswith("-bin")
        if name in entry.masked and value:
            scheme = scheme_of(name, value)
            yield name, b"" if is_binary else f"{scheme} ".lstrip()
        elif not is_binary:
            yield name, value
        else:
            with contextlib.suppress(ValueError):
                yield name, base64.b64decode(value, validate=True)
