"""The messages of a call as files: one for each, raw, decompressed, named in their order on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from inspector.capture.saving import save_folder
from inspector.model.call import Call
from inspector.model.endpoint import Side


class MessageFile(NamedTuple):
    """One message; `data` is None where it is not there whole."""

    name: str
    data: bytes | None


def message_files(call: Call) -> Iterator[MessageFile]:
    """`001-request.bin`, `002-response.bin`, …; numbers are as wide as the last one needs."""
    sides = ((Side.CLIENT, "request"), (Side.SERVER, "response"))
    found = [(each.frame, index, name, each) for side, name in sides for index, each in enumerate(call.messages(side))]
    width = max(len(str(len(found))), 3)
    for number, (_, _, name, message) in enumerate(sorted(found, key=lambda each: each[:3]), 1):
        yield MessageFile(f"{number:0{width}}-{name}.bin", message.data)


async def save_messages(call: Call, folder: Path) -> str:
    """Write them into a folder in which nothing is yet; a sentence that says how many. Raises SourceError."""
    files = list(message_files(call))
    count = await save_folder(((each.name, each.data) for each in files if each.data is not None), folder)
    lost = f" {len(files) - count:,} that are not whole were left out." if len(files) > count else ""
    return f"Saved {count:,} message{'' if count == 1 else 's'} in {folder}.{lost}"
