"""A request as a person has it before them: a method, the text of its messages, and how the call shall be made.

Pure values. Texts become bytes by the schema when they are sent, and not before: a draft may be faulty.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from inspector.client.running_call import TAKES_ONE
from inspector.model.call import CallKind
from inspector.schema.catalog import Catalog, Method
from inspector.schema.untyped import HEX, untyped_method
from inspector.ui.call_settings import Settings

KIND_WORDS: Final = {
    CallKind.UNARY: "unary",
    CallKind.SERVER_STREAMING: "server stream",
    CallKind.CLIENT_STREAMING: "client stream",
    CallKind.BIDI_STREAMING: "bidi stream",
}


@dataclass(frozen=True, slots=True)
class Draft:
    """A request that is being written."""

    path: str
    """As in `:path`."""
    text: str = ""
    """One message, or for a method that takes several any number of JSON objects, one after the other."""
    settings: Settings = field(default=Settings())
    kind: CallKind | None = None
    """That of a method that no schema knows."""


class MessageText(NamedTuple):
    """The text of one message, and where in the whole text it begins."""

    text: str
    start: int = 0


def message_texts(text: str, kind: CallKind) -> list[MessageText]:
    """The messages of a text: one, or where the method takes several one for each JSON object, hex word or line."""
    if kind in TAKES_ONE or not text.strip():
        return [MessageText(text)]
    found, at = [], 0
    while (start := _next_word(text, at)) < len(text):
        at = _end_of_value(text, start)
        found.append(MessageText(text[start:at], start))
    return found


def method_of(draft: Draft, catalog: Catalog) -> Method:
    """The draft's method as the schema has it, or as one without a schema."""
    return catalog.method(draft.path) or untyped_method(draft.path, draft.kind or CallKind.UNARY)


def one_line(text: str) -> str:
    """A text for a box of one line: JSON without its line breaks, any other text with blanks for them.

    What cannot be printed is escaped in JSON, and a blank elsewhere: an input would send it to the terminal.
    """
    if not text.lstrip().startswith("{"):
        return "".join(each if each.isprintable() else " " for each in _flat(text))
    try:
        return json_text(json.loads(text)) if "\n" in text else _escaped(text)
    except (ValueError, RecursionError):
        return _escaped(_flat(text))


def json_text(value: object, indent: int | None = None) -> str:
    """JSON in which all that cannot be printed is escaped: nothing in it acts on a terminal."""
    return _escaped(json.dumps(value, indent=indent, ensure_ascii=False))


def _escaped(text: str) -> str:
    return "".join(each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in text)


def _flat(text: str) -> str:
    return re.sub(r"\s*[\r\n]\s*", " ", text)


def _next_word(text: str, at: int) -> int:
    match = re.compile(r"[\s,]*").match(text, at)
    return at if match is None else match.end()


def _end_of_value(text: str, start: int) -> int:
    """Where the JSON value, hex word or line at `start` ends; the end of the text where JSON is broken."""
    if text.startswith(HEX, start):
        return start + len(text[start:].split(maxsplit=1)[0])
    if text[start] != "{":
        return end if (end := text.find("\n", start)) >= 0 else len(text)
    try:
        return json.JSONDecoder().raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        return len(text)
