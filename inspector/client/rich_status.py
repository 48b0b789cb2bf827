"""Unpacks `grpc-status-details-bin`: the google.rpc.Status that says more of a failure than code and message.

Owns which types are known there, those of google.rpc. A detail of another type is told by its type URL and its
bytes, never guessed at; one that cannot be read says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from inspector.model.status import Status

DETAILS: Final = "grpc-status-details-bin"
_KNOWN: Final[dict[str, type[Message]]] = {
    descriptor.full_name: getattr(error_details_pb2, name)
    for name, descriptor in error_details_pb2.DESCRIPTOR.message_types_by_name.items()
}
FindClass = Callable[[str], type[Message] | None]
"""The class of a full type name; a catalog's `message_class`."""


class Detail(NamedTuple):
    """One packed message of a rich status."""

    type: str
    """The full type name, as in `google.rpc.BadRequest`."""
    value: Any
    """The message in proto3 JSON's terms; None when the type is not known or the bytes are not of it."""
    data: bytes
    """As it was packed."""
    problem: str = ""
    """Why there is no value; empty when there is one."""


class RichStatus(NamedTuple):
    """What the trailer holds."""

    status: Status
    """Its own code and message, which should be those of the call but need not."""
    details: tuple[Detail, ...]
    problem: str = ""
    """Why it cannot be read; empty when it can."""


def rich_status(metadata: Iterable[tuple[str, str | bytes]], find_class: FindClass | None = None) -> RichStatus | None:
    """The rich status in a call's trailers, None without one. Never raises, whatever the bytes are."""
    for name, value in metadata:
        if name == DETAILS and isinstance(value, bytes):
            return read_rich_status(value, find_class)
    return None


def read_rich_status(data: bytes, find_class: FindClass | None = None) -> RichStatus:
    """The rich status of a trailer's bytes; types beyond google.rpc are looked up with `find_class`."""
    try:
        read = status_pb2.Status.FromString(data)
    except DecodeError:
        return RichStatus(Status.of(2), (), f"The {len(data)} bytes of {DETAILS} are no google.rpc.Status.")
    details = tuple(_detail(each.type_url, each.value, find_class) for each in read.details)
    return RichStatus(Status.of(read.code, read.message), details)


def _detail(url: str, data: bytes, find_class: FindClass | None) -> Detail:
    name = url.rpartition("/")[2]
    found = _KNOWN.get(name) or (find_class(name) if find_class else None)
    if found is None:
        return Detail(name or url, None, data, "no schema knows this type")
    try:
        value = json_format.MessageToDict(found.FromString(data), preserving_proto_field_name=True)
    except (DecodeError, json_format.Error, TypeError, ValueError):
        return Detail(name, None, data, "the bytes are not of this type")
    return Detail(name, value, data)
