"""Completes field names and enum values at the cursor of a request's JSON."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from inspector.schema.catalog import Catalog, Method, short_name
from inspector.schema.typed import (
    Finder,
    WellKnownForm,
    descriptor_of,
    extensions_of,
    json_name,
    map_parts,
    well_known_form,
)

_TOKEN: Final = re.compile(r'"(?:\\.|[^"\\\n])*"?|[{}\[\],:]|[^\s{}\[\],:"]+')


@dataclass(frozen=True, slots=True)
class Cursor:
    """The position of the cursor in the JSON."""

    path: tuple[str | int, ...]
    """The keys and indices that lead to the object of the key, or to the value."""
    is_key: bool
    """True where a key is expected, False where a value is."""
    start: int
    """Where the word at the cursor begins; the cursor itself without a word."""
    end: int
    typed: str
    """The word up to the cursor, without quotes."""
    used: frozenset[str] = frozenset()
    """The other keys of the object, also those behind the cursor."""
    has_colon: bool = False
    """True when a colon follows the word already."""
    types: tuple[str, ...] = ()
    """The `@type` of each open object or list, outermost first; empty where none was given yet."""


@dataclass(slots=True)
class _Level:
    """An object or list that is still open at the cursor."""

    is_object: bool
    keys: list[str] = dataclasses.field(default_factory=list)
    key: str | None = None
    """The key whose value follows."""
    index: int = 0
    awaits_value: bool = False
    is_full: bool = False
    """True behind a value, where only a comma can follow."""
    type_url: str = ""

    def begin_next(self) -> None:
        """Continue behind a comma."""
        self.key, self.awaits_value, self.is_full, self.index = None, False, False, self.index + 1

    def add_word(self, word: str) -> None:
        """Consume a string or a bare word, as a key or as a value."""
        if self.is_object and not self.awaits_value:
            self.key = word
            self.keys.append(word)
            return
        self.is_full = True
        if self.key == "@type":
            self.type_url = word


def find_cursor(text: str, offset: int) -> Cursor | None:
    """Return the cursor at an offset; None outside of objects, and where nothing can be completed."""
    levels: list[_Level] = []
    for token in _TOKEN.finditer(text):
        if token.end() > offset or (token.end() == offset and _is_open_word(token[0])):
            if token.start() < offset and _is_word(token[0]):
                return _cursor(levels, text, token.start(), token.end(), offset)
            break
        _consume(levels, token[0])
    return _cursor(levels, text, offset, offset, offset)


def _is_word(token: str) -> bool:
    return token[0] not in "{}[],:"


def _is_open_word(token: str) -> bool:
    """Return True for a word that typing continues: one without a closing quote."""
    return _is_word(token) and not (token[0] == '"' and len(token) > 1 and token.endswith('"'))


def _consume(levels: list[_Level], piece: str) -> None:
    if piece in ("{", "["):
        levels.append(_Level(piece == "{"))
    elif not levels:
        return
    elif piece in ("}", "]"):
        levels.pop()
        if levels:
            levels[-1].is_full = True
    elif piece == ",":
        levels[-1].begin_next()
    elif piece == ":":
        levels[-1].awaits_value = True
    else:
        levels[-1].add_word(piece.strip('"'))


def _cursor(levels: list[_Level], text: str, start: int, end: int, offset: int) -> Cursor | None:
    if not levels or levels[-1].is_full or (levels[-1].key is not None and not levels[-1].awaits_value):
        return None
    level, types = levels[-1], tuple(each.type_url for each in levels)
    path = tuple(_step(each) for each in levels[:-1])
    typed = text[start:offset].lstrip('"')
    if level.is_object and not level.awaits_value:
        used = frozenset(level.keys) | _keys_behind(text, end)
        has_colon = text[end:].lstrip().startswith(":")
        return Cursor(path, True, start, end, typed, used, has_colon, types)
    return Cursor((*path, _step(level)), False, start, end, typed, types=types)


def _step(level: _Level) -> str | int:
    return (level.key or "") if level.is_object else level.index


def _keys_behind(text: str, start: int) -> frozenset[str]:
    """Return the keys of the same object that follow the cursor."""
    levels = [_Level(is_object=True)]
    own = levels[0]
    own.awaits_value = text[start:].lstrip().startswith(":")
    for token in _TOKEN.finditer(text, start):
        _consume(levels, token[0])
        if not levels:
            break
    return frozenset(own.keys)


MAX_CANDIDATES: Final = 200


@dataclass(frozen=True, slots=True)
class Candidate:
    """A word that may stand at the cursor."""

    label: str
    """The text in the list of candidates, such as `state` or `PAID`."""
    insert: str
    """The text that replaces `start` to `end`, such as `"state": `."""
    detail: str = ""
    """Its type in a word or two, such as `State` or `repeated Item`."""


@dataclass(frozen=True, slots=True)
class Completion:
    """The candidates, and the part of the text that a chosen one replaces."""

    start: int
    end: int
    candidates: tuple[Candidate, ...] = ()


def complete(text: str, offset: int, method: Method, catalog: Catalog) -> Completion:
    """Return what may stand at an offset of a request's text: the candidates that begin like the word there."""
    cursor = find_cursor(text, offset)
    message_class = catalog.message_class(method.request_type, method.origin)
    if message_class is None or cursor is None:
        return Completion(offset, offset)
    node = _resolve(descriptor_of(message_class), cursor, lambda name: catalog.message_class(name, method.origin))
    found = _keys(node, cursor) if cursor.is_key else _values(node, cursor, catalog)
    typed = cursor.typed.lower()
    starting = (each for each in found if each.label.lower().startswith(typed))
    return Completion(cursor.start, cursor.end, tuple(islice(starting, MAX_CANDIDATES)))


@dataclass(frozen=True, slots=True)
class _SchemaNode:
    """What the schema has at a path: a message, or a field with its value or one of its elements."""

    message: Descriptor | None = None
    field: FieldDescriptor | None = None
    is_element: bool = False
    """True for an element of the list or map."""


def _resolve(descriptor: Descriptor, cursor: Cursor, find: Finder) -> _SchemaNode:
    node = _unpack_any(_SchemaNode(descriptor), cursor.types[0], find)
    for index, step in enumerate(cursor.path):
        node = _step_into(node, step)
        if index + 1 < len(cursor.types):
            node = _unpack_any(node, cursor.types[index + 1], find)
    return node


def _unpack_any(node: _SchemaNode, type_url: str, find: Finder) -> _SchemaNode:
    """Return the message in an Any, if its `@type` precedes the cursor."""
    if node.message is None or well_known_form(node.message) is not WellKnownForm.ANY:
        return node
    found = find(type_url.rpartition("/")[2]) if type_url else None
    return node if found is None else _SchemaNode(descriptor_of(found))


def _step_into(node: _SchemaNode, step: str | int) -> _SchemaNode:
    if node.message is not None and isinstance(step, str):
        known = {json_name(field): field for field in (*node.message.fields, *extensions_of(node.message))}
        field = known.get(step) or node.message.fields_by_camelcase_name.get(step)
        return _value_of(field) if field is not None and well_known_form(node.message) is None else _SchemaNode()
    if node.field is None or node.is_element:
        return _SchemaNode()
    if (parts := map_parts(node.field)) is not None:
        return _value_of(parts[1], is_element=True) if isinstance(step, str) else _SchemaNode()
    return _value_of(node.field, is_element=True) if isinstance(step, int) else _SchemaNode()


def _value_of(field: FieldDescriptor, *, is_element: bool = False) -> _SchemaNode:
    if field.message_type is not None and (is_element or not field.is_repeated):
        return _SchemaNode(field.message_type, field, is_element)
    return _SchemaNode(None, field, is_element)


def _keys(node: _SchemaNode, cursor: Cursor) -> Iterator[Candidate]:
    message = node.message
    if message is None:
        return
    if well_known_form(message) is WellKnownForm.ANY:
        yield Candidate("@type", '"@type": ', "the type of what follows")
        return
    taken = {
        field.containing_oneof.name for field in message.fields if field.name in cursor.used and field.containing_oneof
    }
    for field in (*message.fields, *extensions_of(message)):
        name, oneof = json_name(field), field.containing_oneof
        if name in cursor.used or field.json_name in cursor.used or (oneof is not None and oneof.name in taken):
            continue
        yield Candidate(name, json.dumps(name) + (": " if not cursor.has_colon else ""), type_name(field))


def _values(node: _SchemaNode, cursor: Cursor, catalog: Catalog) -> Iterator[Candidate]:
    if cursor.path and cursor.path[-1] == "@type":
        for name in catalog.message_types():
            yield Candidate(name, json.dumps(f"type.googleapis.com/{name}"), "")
        return
    field = node.field
    if field is None:
        return
    if field.is_repeated and not node.is_element:
        yield Candidate("{" if map_parts(field) else "[", "{}" if map_parts(field) else "[]", type_name(field))
    elif field.enum_type is not None:
        yield from (Candidate(each.name, json.dumps(each.name), f"{each.number}") for each in field.enum_type.values)
    elif field.type == FieldDescriptor.TYPE_BOOL:
        yield from (Candidate(word, word) for word in ("true", "false"))
    elif field.message_type is not None and well_known_form(field.message_type) is None:
        yield Candidate("{", "{}", type_name(field))


def type_name(field: FieldDescriptor) -> str:
    """Return a field's type as in a .proto file: `repeated Item`, `map<string, int32>`."""
    if (parts := map_parts(field)) is not None:
        return f"map<{type_name(parts[0])}, {type_name(parts[1])}>"
    kind = field.message_type or field.enum_type
    name = short_name(kind.full_name) if kind is not None else _SCALAR_NAMES.get(field.type, "")
    return f"repeated {name}" if field.is_repeated else name


_SCALAR_NAMES: Final = {
    getattr(FieldDescriptor, name): name.removeprefix("TYPE_").lower()
    for name in dir(FieldDescriptor)
    if name.startswith("TYPE_")
}
