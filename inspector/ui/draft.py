"""A request as a person has it before them: a method, the text of its messages, and how the call shall be made.

Pure values. Texts become bytes by the schema when they are sent, and not before: a draft may be faulty.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from inspector.client.history_file import Entry
from inspector.client.options import DEADLINE, CallOptions, ConnectionOptions, Metadata
from inspector.client.running_call import TAKES_ONE
from inspector.errors import RequestError
from inspector.model.call import CallKind
from inspector.schema.catalog import Catalog, Method
from inspector.schema.request import build

HEX: Final = "0x"
"""What begins a message that is given as bytes, for a method without a schema."""
KIND_WORDS: Final = {
    CallKind.UNARY: "unary",
    CallKind.SERVER_STREAMING: "server stream",
    CallKind.CLIENT_STREAMING: "client stream",
    CallKind.BIDI_STREAMING: "bidi stream",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """How a call shall be made, as far as it differs from the usual."""

    metadata: Metadata = ()
    deadline: float | None = None
    """Seconds; None for the usual, or with `is_endless` for no end at all."""
    is_endless: bool = False
    authority: str | None = None
    largest_message: int | None = None
    is_compressed: bool = False
    waits_for_ready: bool = False

    def call_options(self, kind: CallKind) -> CallOptions:
        """The options of a call of a kind: a unary one has a deadline, be it the usual, a stream only when asked."""
        usual = DEADLINE if kind is CallKind.UNARY and not self.is_endless else None
        deadline = usual if self.deadline is None else self.deadline
        return CallOptions(self.metadata, deadline, self.is_compressed, self.waits_for_ready)

    def connection(self, usual: ConnectionOptions) -> ConnectionOptions:
        """The options of the connection that such a call needs."""
        return replace(
            usual,
            authority=self.authority or usual.authority,
            largest_message=self.largest_message or usual.largest_message,
        )

    @property
    def words(self) -> tuple[str, ...]:
        """What differs from the usual, a few words each."""
        told = (
            (f"{len(self.metadata)} metadata", bool(self.metadata)),
            ("no deadline", self.is_endless),
            (f"deadline {self.deadline:.6g} s" if self.deadline is not None else "", self.deadline is not None),
            (f"authority {self.authority}", self.authority is not None),
            ("gzip", self.is_compressed),
            ("wait for ready", self.waits_for_ready),
            (f"up to {self.largest_message} B", self.largest_message is not None),
        )
        return tuple(words for words, is_told in told if is_told)


@dataclass(frozen=True, slots=True)
class Draft:
    """A request that is being written."""

    path: str
    """As in `:path`."""
    text: str = ""
    """One message, or for a method that takes several any number of JSON objects, one after the other."""
    settings: Settings = field(default=Settings())


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


def message_bytes(text: str, method: Method, catalog: Catalog) -> bytes:
    """A message as it goes on the wire; RequestError where the text cannot be meant."""
    if catalog.method(method.path) is not None:
        return build(text, method, catalog)
    try:
        return bytes.fromhex(text.strip().removeprefix(HEX))
    except ValueError as error:
        hint = "Without a schema a message is given as bytes, 0x0a05576f726c64; --proto FILE gives a schema."
        raise RequestError(f"No schema knows {method.path}.", hint) from error


def unknown_method(path: str) -> Method:
    """A method without a schema: it can be called as if it were of the most general kind, with bytes."""
    return Method(path, CallKind.BIDI_STREAMING, "", "")


def entry_of(path: str, texts: tuple[str, ...], settings: Settings, **more: str | float) -> Entry:
    """The draft as the history keeps it."""
    metadata = tuple((name, _shown_value(value)) for name, value in settings.metadata)
    return Entry(path, texts, metadata=metadata, **more)  # type: ignore[arg-type]


def draft_of(entry: Entry) -> Draft:
    """What the history kept, as a draft again; metadata that is no base64 where it must be is left out."""
    return Draft(entry.method, "\n".join(entry.messages), Settings(tuple(_pairs(entry.metadata))))


def metadata_lines(metadata: Metadata) -> str:
    """One `name: value` a line, bytes as base64."""
    return "\n".join(f"{name}: {_shown_value(value)}" for name, value in metadata)


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


def _shown_value(value: str | bytes) -> str:
    return value if isinstance(value, str) else base64.b64encode(value).decode()


def _pairs(metadata: tuple[tuple[str, str], ...]) -> list[tuple[str, str | bytes]]:
    found: list[tuple[str, str | bytes]] = []
    for name, value in metadata:
        if not name.endswith("-bin"):
            found.append((name, value))
            continue
        try:
            found.append((name, base64.b64decode(value, validate=True)))
        except ValueError:
            continue
    return found
