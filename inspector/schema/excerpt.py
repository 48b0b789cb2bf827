"""The beginning of a large protobuf message that is itself a message of the same type.

A row shows 200 characters of a message that may be 64 MB. Whole fields are kept while they fit; a string, bytes or
message field that does not is cut, by what its descriptor says it is. Works on the wire format; decodes nothing.
"""

from __future__ import annotations

from typing import Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from inspector.schema.wire import WireError, WireField, WireType, fields

_MAX_DEPTH: Final = 16


def excerpt(data: bytes, limit: int, descriptor: Descriptor, depth: int = 0) -> bytes:
    """At most about `limit` bytes of a message, still a message; the message itself where it is short enough.

    Bytes that are no message come back as they are, for the real parser to refuse.
    """
    if len(data) <= limit:
        return data
    kept = 0
    try:
        for field in fields(data):
            if field.end > limit:
                return data[:kept] + _cut(field, limit - kept, descriptor, depth)
            kept = field.end
    except WireError:
        return data
    return data


def _cut(field: WireField, room: int, descriptor: Descriptor, depth: int) -> bytes:
    known = descriptor.fields_by_number.get(field.number)
    if field.wire_type is not WireType.LEN or known is None or not isinstance(field.value, bytes) or room < 16:
        return b""
    if known.type == FieldDescriptor.TYPE_STRING:
        part = field.value[:room].decode(errors="ignore").encode()
    elif known.type == FieldDescriptor.TYPE_BYTES:
        part = field.value[:room]
    elif known.message_type is not None and depth < _MAX_DEPTH:
        part = excerpt(field.value, room, known.message_type, depth + 1)
    else:
        return b""
    return _varint(field.number << 3 | WireType.LEN) + _varint(len(part)) + part


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
