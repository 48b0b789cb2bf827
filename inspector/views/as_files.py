"""The messages of a call as files: one for each, raw, decompressed, named in their order on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from inspector.model.call import Call
from inspector.model.endpoint import Side


class MessageFile(NamedTuple):
    """One message; `data` is None where it is not there whole."""

    name: str
    data: bytes | None


def message_files(call: Call) -> Iterator[MessageFile]:
    """`001-request.bin`, `002-response.bin`, …; numbers are as wide as the last one needs."""
    sides = ((Side.CLIENT, "request"), (Side.SERVER, "response"))
    all_of_them = sorted(
        ((each.frame, index, name, each) for side, name in sides for index, each in enumerate(call.messages(side))),
        key=lambda each: each[:3],
    )
    width = max(len(str(len(all_of_them))), 3)
    for number, (_, _, name, message) in enumerate(all_of_them, 1):
        yield MessageFile(f"{number:0{width}}-{name}.bin", message.data)
