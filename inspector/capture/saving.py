"""Copying a capture to where the user wants it: whole or not at all, and never over a file without leave."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from pathlib import Path

from inspector.errors import SourceError

_STEP = 4 * 1024 * 1024
"""Copied between two turns of the event loop: a few milliseconds."""


async def save_copy(descriptor: int, size: int, path: Path, *, overwrite: bool) -> None:
    """Copy the first `size` bytes of an open file to `path`, mode 0600; raises SourceError.

    Written beside its place and then moved there, so that a failure leaves neither half a file nor a lost one.
    """
    _refuse(path, overwrite=overwrite)
    try:
        handle, name = tempfile.mkstemp(".part", f".{path.name}.", path.parent)
    except OSError as error:
        raise SourceError(f"Nothing can be saved in {path.parent}: {error.strerror}.") from error
    with contextlib.ExitStack() as undo:
        undo.callback(_remove, Path(name))
        undo.callback(os.close, handle)
        try:
            await _copy(descriptor, handle, size)
            os.replace(name, path)  # noqa: PTH105 - a rename is no work for another thread
        except OSError as error:
            raise SourceError(f"The capture cannot be saved to {path}: {error.strerror}.") from error


def _refuse(path: Path, *, overwrite: bool) -> None:
    if path.is_dir():
        raise SourceError(f"{path} is a folder.", "Name a file in it.")
    if os.path.lexists(path) and not overwrite:
        raise SourceError(f"{path} exists already.", "Choose another name, or say that it may be overwritten.")


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


async def _copy(source: int, sink: int, size: int) -> None:
    offset = 0
    while data := os.pread(source, min(_STEP, size - offset), offset):
        view = memoryview(data)
        while view:
            view = view[os.write(sink, view) :]
        offset += len(data)
        await asyncio.sleep(0)


def write_private(path: Path, data: bytes) -> None:
    """Write bytes to `path`, over what is there, mode 0600; raises SourceError."""
    try:
        handle, name = tempfile.mkstemp(".part", f".{path.name}.", path.parent)
    except OSError as error:
        raise SourceError(f"Nothing can be saved in {path.parent}: {error.strerror}.") from error
    with contextlib.ExitStack() as undo:
        undo.callback(_remove, Path(name))
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.replace(name, path)  # noqa: PTH105 - as above
        except OSError as error:
            raise SourceError(f"{path} cannot be written: {error.strerror}.") from error
