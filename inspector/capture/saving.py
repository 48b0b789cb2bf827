"""Saving files and folders where the user wants them: whole or not at all, and over nothing without leave.

`atomic_files` sees to it that nothing half-written is left; here its errors become sentences.
"""

from __future__ import annotations

import contextlib
import errno
import os
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Final

from inspector.atomic_files import atomic_file, atomic_folder
from inspector.errors import SourceError, reason, remedy
from inspector.turns import give_way

_GZIP: Final = 31
"""For zlib: a gzip header, and the largest window."""


async def save_pieces(pieces: AsyncIterator[bytes], path: Path, *, overwrite: bool = False) -> int:
    """Write pieces to `path`, one behind the other, mode 0600; how many bytes that were. Raises SourceError.

    Gzipped where its name ends so. A failure leaves neither half a file nor a lost one.
    """
    size = 0
    with _placed(path, overwrite=overwrite) as handle:
        async for piece in _gzipped(pieces) if path.suffix == ".gz" else pieces:
            _write(handle, piece)
            size += len(piece)
            await give_way()
    return size


def write_private(path: Path, data: bytes, *, overwrite: bool = True) -> None:
    """Write bytes to `path`, mode 0600, over what is there unless told otherwise; raises SourceError."""
    with _placed(path, overwrite=overwrite) as handle:
        _write(handle, data)


async def save_folder(files: Iterable[tuple[str, bytes]], path: Path) -> int:
    """Write files into a folder that is made for them, or is there and empty, mode 0600; how many. Raises SourceError.

    Nothing is written over: a folder that holds anything is refused. A failure leaves it as it was.
    """
    count = 0
    with _folder(path) as folder:
        for name, data in files:
            _write_new(folder / name, data)
            count += 1
            await give_way()
    return count


async def _gzipped(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    packer = zlib.compressobj(wbits=_GZIP)
    async for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


@contextlib.contextmanager
def _placed(path: Path, *, overwrite: bool) -> Iterator[int]:
    """Yield a descriptor for a file that comes to its place when all went well; raises SourceError."""
    _refuse(path, overwrite=overwrite)
    is_open = False
    try:
        with atomic_file(path, overwrite=overwrite) as handle:
            is_open = True
            yield handle
    except FileExistsError as error:
        raise _is_taken(path) from error
    except OSError as error:
        what = f"{path} cannot be saved" if is_open else f"Nothing can be saved in {path.parent}"
        raise SourceError(f"{what}: {reason(error)}.", remedy(error)) from error


@contextlib.contextmanager
def _folder(path: Path) -> Iterator[Path]:
    """Yield a folder whose files come to `path` when all went well; raises SourceError."""
    is_open = False
    try:
        with atomic_folder(path) as folder:
            is_open = True
            yield folder
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise SourceError(f"{path} is not empty.", "Name another folder: nothing is written over.") from error
        what = f"{path} cannot be saved" if is_open else f"The folder {path} cannot be made"
        raise SourceError(f"{what}: {reason(error)}.", remedy(error)) from error


def _refuse(path: Path, *, overwrite: bool) -> None:
    if path.is_dir():
        raise SourceError(f"{path} is a folder.", "Name a file in it.")
    if os.path.lexists(path) and not overwrite:
        raise _is_taken(path)


def _is_taken(path: Path) -> SourceError:
    return SourceError(f"{path} exists already.", "Choose another name, or say that it may be overwritten.")


def _write_new(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        _write(handle, data)
    finally:
        os.close(handle)


def _write(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
