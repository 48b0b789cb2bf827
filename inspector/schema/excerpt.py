"""The beginning of a large protobuf message that is itself a message of the same type.

A row shows 200 characters of a message that may be 64 MB. Whole fields are kept while they fit; the string, bytes or
message field that the cut goes through is shortened by what its descriptor says it is. Decodes nothing.
"""

from __future__ import annotations

from typing import Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from inspector.schema.wire import WireError, WireType, fields, overrun

_MAX_DEPTH: Final = 16
_LONGEST_START: Final = 16
"""A tag of five bytes with a varint of ten, and one more: a field of which less is left has no value to be cut."""


def excerpt(data: bytes, limit: int, descriptor: Descriptor) -> bytes:
    """At most `limit` bytes of a message, still a message; the message itself where it is short enough.

    Bytes that are no message come back as they are, for the real parser to refuse.
    """
    if len(data) <= limit:
        return data
    try:
        return _mended(data[:limit], descriptor, 0)
    except WireError:
        return data


def _mended(head: bytes, descriptor: Descriptor, depth: int) -> bytes:
    """The first bytes of a message, made whole. WireError where they are none."""
    kept = 0
    try:
        for field in fields(head):
            kept = field.end
    except WireError:
        if len(head) - kept < _LONGEST_START:
            return head[:kept]
        return head[:kept] + _shortened(*overrun(head, kept), descriptor, depth)
    return head


def _shortened(number: int, value: bytes, descriptor: Descriptor, depth: int) -> bytes:
    known = descriptor.fields_by_number.get(number)
    if known is None:
        return b""
    if known.type == FieldDescriptor.TYPE_STRING:
        value = value.decode(errors="ignore").encode()
    elif known.message_type is not None and depth < _MAX_DEPTH:
        value = _mended(value, known.message_type, depth + 1)
    elif known.type != FieldDescriptor.TYPE_BYTES:
        return b""  # packed numbers: the cut may go through one
    # No longer than it was, so no longer length either.
    return _varint(number << 3 | WireType.LEN) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
