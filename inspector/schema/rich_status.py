"""The details of a failed call: google.rpc.Status from `grpc-status-details-bin`, opened by the catalog.

Source: gRPC over HTTP/2, Responses; google.aip.dev/193. The types of google.rpc are always known; what else a service
packs into its details is known where some schema has it, and keeps its bytes where none does.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Final, cast

from google.protobuf.message import DecodeError

from inspector.schema.catalog import COMMON_ORIGIN, Catalog
from inspector.schema.typed import to_value

HEADER: Final = "grpc-status-details-bin"
_LARGEST: Final = 1_048_576
"""Bytes; a server's headers are hardly ever allowed as much as a hundredth of it."""


@dataclass(frozen=True, slots=True)
class RichStatus:
    """What a service says of a failure beside its status."""

    code: int
    message: str
    details: tuple[object, ...]
    """JSON-ready, each an object with its `@type`."""


def read_status(value: str, catalog: Catalog) -> RichStatus | None:
    """The rich status in a header's value, base64 with padding or without; None where it is none."""
    data = _decoded(value)
    message_class = catalog.message_class("google.rpc.Status", COMMON_ORIGIN)
    if data is None or message_class is None:
        return None
    try:
        status = cast("Any", message_class.FromString(data))
    except DecodeError:
        return None
    return RichStatus(
        status.code, status.message, tuple(to_value(each, catalog.message_class) for each in status.details)
    )


def _decoded(value: str) -> bytes | None:
    if not value or len(value) > _LARGEST * 4 // 3:
        return None
    try:
        return base64.b64decode(value.rstrip("=") + "=" * (-len(value.rstrip("=")) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
