"""Writing a file to where the user wants it: whole or not at all, this user's alone, over no file without leave."""

from __future__ import annotations

import contextlib
import os
import tempfile
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Final

from inspector.errors import SourceError
from inspector.turns import give_way

_GZIP: Final = 31
"""For zlib: a gzip header, and the largest window."""


async def save_pieces(pieces: AsyncIterator[bytes], path: Path, *, overwrite: bool = False) -> int:
    """Write pieces to `path`, one behind the other, mode 0600; how many bytes that were. Raises SourceError.

    Gzipped where its name ends so. Written beside its place and then moved there, so that a failure leaves neither
    half a file nor a lost one.
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
    is_new, count = _make_empty(path), 0
    with contextlib.ExitStack() as undo:
        if is_new:
            undo.callback(path.rmdir)
        for name, data in files:
            write_private(path / name, data, overwrite=False)
            undo.callback(_remove, path / name)
            count += 1
            await give_way()
        undo.pop_all()
    return count


async def _gzipped(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    packer = zlib.compressobj(wbits=_GZIP)
    async for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


@contextlib.contextmanager
def _placed(path: Path, *, overwrite: bool) -> Iterator[int]:
    """A file to write to, which comes to its place when all went well, and is gone when not."""
    _refuse(path, overwrite=overwrite)
    try:
        handle, name = tempfile.mkstemp(".part", f".{path.name[:64]}.", path.parent)
    except OSError as error:
        raise SourceError(f"Nothing can be saved in {path.parent}: {error.strerror}.") from error
    with contextlib.ExitStack() as undo:
        undo.callback(_remove, Path(name))
        undo.callback(os.close, handle)
        try:
            yield handle
            os.replace(name, path)  # noqa: PTH105 - a rename is no work for another thread
        except OSError as error:
            raise SourceError(f"{path} cannot be saved: {error.strerror}.") from error


def _refuse(path: Path, *, overwrite: bool) -> None:
    if path.is_dir():
        raise SourceError(f"{path} is a folder.", "Name a file in it.")
    if os.path.lexists(path) and not overwrite:
        raise SourceError(f"{path} exists already.", "Choose another name, or say that it may be overwritten.")


def _make_empty(path: Path) -> bool:
    """True when it was not there before."""
    is_new = not path.exists()
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        is_empty = not any(path.iterdir())
    except OSError as error:
        raise SourceError(f"The folder {path} cannot be made: {error.strerror}.") from error
    if not is_empty:
        raise SourceError(f"{path} is not empty.", "Name another folder: nothing is written over.")
    return is_new


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _write(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
