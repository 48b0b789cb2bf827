"""Files that are written completely or not at all, with mode 0600, and paths as users type them."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import secrets
import stat
import time
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from inspector.errors import SourceError, reason, remedy
from inspector.processes import removed_if_killed
from inspector.scheduling import yield_to_ui


def expand(text: str) -> Path:
    """Return a path with `~` and `~user` expanded as in a shell; unchanged if there is no such user."""
    return Path(os.path.expanduser(text))  # noqa: PTH111 - Path.expanduser fails for an unknown user


def status_of(path: Path) -> os.stat_result | None:
    """Return the status of the file or folder at a path; None if there is none.

    Unlike it, `Path.exists`, `is_file` and `is_dir` hide errors since Python 3.14.

    Raises:
        OSError: no permission, a name that is too long, …
    """
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None


_PART: Final = re.compile(r"\..*\.grpc-inspector-(\d+)-[0-9a-f]{16}\.part", re.DOTALL)
"""The name of a temporary file: with the process id of its writer, and random digits."""
_NAME_CHARACTERS: Final = 32
"""How much of the final name is in that of its part: a character has up to four bytes, and a name up to 255."""
_UNLOCKED_SECONDS: Final = 3600.0
"""A part that is older and not locked is abandoned, even if its process id is in use: it was reused."""
_NAMELESS: Final[int | None] = getattr(os, "O_TMPFILE", None)
_DESCRIPTORS: Final = "/proc/self/fd"
"""The links through which a file from O_TMPFILE gets a name; see open(2)."""


@contextmanager
def atomic_file(path: Path, *, overwrite: bool) -> Iterator[int]:
    """Yield a descriptor to write to. The file appears at `path` at the end of the block, unless that raises.

    Raises:
        FileExistsError: `path` exists, and `overwrite` is false.
        OSError: the file cannot be created or written.
    """
    remove_abandoned_parts(path.parent)
    with ExitStack() as undo:
        descriptor = _open_nameless(path.parent)
        if descriptor is None:
            part = _name_part(path, path.parent)
            undo.enter_context(_temporary(part))
            descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            undo.callback(os.close, descriptor)
            _lock(descriptor)
            yield descriptor
            _place(part, path, overwrite=overwrite)
        else:
            undo.callback(os.close, descriptor)
            yield descriptor
            _name(descriptor, path, overwrite=overwrite)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a folder to write files into. They appear in `path` at the end of the block, unless that raises.

    `path` is created, or is an empty folder.

    Raises:
        OSError: it cannot be created; ENOTEMPTY if it is not empty.
    """
    remove_abandoned_parts(path.parent)
    is_there = path.is_dir()
    if not is_there and os.path.lexists(path):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    if is_there:
        remove_abandoned_parts(path)
        if any(path.iterdir()):
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), str(path))
    stage = _name_part(path, path if is_there else path.parent)
    with ExitStack() as undo:
        undo.enter_context(_temporary(stage))
        stage.mkdir(mode=0o700)
        descriptor = os.open(stage, os.O_RDONLY | os.O_CLOEXEC)
        undo.callback(os.close, descriptor)
        _lock(descriptor)
        yield stage
        if is_there:
            _move_all(stage, path)
        else:
            stage.rename(path)


def remove_abandoned_parts(folder: Path) -> None:
    """Remove the parts that killed programs left in a folder, but none that is being written."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            found = _PART.fullmatch(entry.name)
            if found is not None and _is_abandoned(Path(entry), int(found[1])):
                _remove(Path(entry))


def _open_nameless(folder: Path) -> int | None:
    if _NAMELESS is None or not os.path.isdir(_DESCRIPTORS):  # noqa: PTH112 - a constant, no Path
        return None
    try:
        descriptor = os.open(folder, _NAMELESS | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError:  # not supported by the file system; other errors recur when a part is created
        return None
    _lock(descriptor)
    return descriptor


def _name(descriptor: int, path: Path, *, overwrite: bool) -> None:
    """Link a nameless file at a path."""
    try:
        _link(descriptor, path)
    except FileExistsError:
        if not overwrite:
            raise
        part = _name_part(path, path.parent)  # link(2) replaces nothing
        with _temporary(part):
            _link(descriptor, part)
            part.replace(path)


def _link(descriptor: int, path: Path) -> None:
    # With src_dir_fd, Python calls linkat(2), which can follow the link in /proc; link(2) cannot.
    os.link(f"{_DESCRIPTORS}/{descriptor}", path, src_dir_fd=descriptor, follow_symlinks=True)


def _place(part: Path, path: Path, *, overwrite: bool) -> None:
    if overwrite:
        part.replace(path)
        return
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if os.path.lexists(path):
            raise FileExistsError(path) from None
        part.rename(path)


def _move_all(stage: Path, folder: Path) -> None:
    """Move all files of `stage` into a folder, or none: also if the program is killed."""
    places = [folder / each.name for each in sorted(stage.iterdir())]
    with removed_if_killed(places), ExitStack() as undo:
        for place in places:
            if os.path.lexists(place):
                raise FileExistsError(place)
            (stage / place.name).rename(place)
            undo.callback(_remove, place)
        undo.pop_all()


@contextmanager
def _temporary(part: Path) -> Iterator[None]:
    """Remove a part at the end of the block, or if the program is killed; it may be gone already."""
    with removed_if_killed([part]):
        try:
            yield
        finally:
            _remove(part)


def _name_part(path: Path, folder: Path) -> Path:
    return folder / f".{path.name[:_NAME_CHARACTERS]}.grpc-inspector-{os.getpid()}-{secrets.token_hex(8)}.part"


def _lock(descriptor: int) -> None:
    """Mark a part as being written, by a lock that the kernel releases however the program ends."""
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_abandoned(part: Path, pid: int) -> bool:
    status = part.lstat()
    if status.st_uid != os.geteuid() or not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        return False
    if _is_running(pid) and status.st_mtime > time.time() - _UNLOCKED_SECONDS:  # its writer may be about to lock it
        return False
    descriptor = os.open(part, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _remove(part: Path) -> None:
    """Remove a file, or a folder of files, and ignore errors."""
    with contextlib.suppress(OSError):
        if stat.S_ISDIR(part.lstat().st_mode):
            for each in part.iterdir():
                each.unlink()
            part.rmdir()
        else:
            part.unlink()


_GZIP_WBITS: Final = 31
"""The wbits of zlib for a gzip header and the largest window."""


async def save_pieces(pieces: AsyncIterator[bytes], path: Path, *, overwrite: bool = False) -> int:
    """Write pieces to a file, gzipped if its name ends in .gz; return how many bytes were written.

    A failure leaves neither half a file nor a damaged old one.

    Raises:
        SourceError: it cannot be written, or exists and `overwrite` is false.
    """
    size = 0
    with _placed(path, overwrite=overwrite) as handle:
        async for piece in _gzipped(pieces) if path.suffix == ".gz" else pieces:
            _write(handle, piece)
            size += len(piece)
            await yield_to_ui()
    return size


def write_private(path: Path, data: bytes, *, overwrite: bool = True) -> None:
    """Write bytes to a file. Raises SourceError."""
    with _placed(path, overwrite=overwrite) as handle:
        _write(handle, data)


async def save_folder(files: Iterable[tuple[str, bytes]], path: Path) -> int:
    """Write files into a new or empty folder, and return how many.

    A failure leaves the folder as it was.

    Raises:
        SourceError: they cannot be written, or the folder is not empty.
    """
    count = 0
    with _folder(path) as folder:
        for name, data in files:
            _write_new(folder / name, data)
            count += 1
            await yield_to_ui()
    return count


async def _gzipped(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    compressor = zlib.compressobj(wbits=_GZIP_WBITS)
    async for piece in pieces:
        yield compressor.compress(piece)
    yield compressor.flush()


@contextlib.contextmanager
def _placed(path: Path, *, overwrite: bool) -> Iterator[int]:
    """Yield a descriptor as `atomic_file` does. Raises SourceError."""
    _check_free(path, overwrite=overwrite)
    is_open = False
    try:
        with atomic_file(path, overwrite=overwrite) as handle:
            is_open = True
            yield handle
    except FileExistsError as error:
        raise _exists_error(path) from error
    except OSError as error:
        what = f"{path} cannot be saved" if is_open else f"Nothing can be saved in {path.parent}"
        raise SourceError(f"{what}: {reason(error)}.", remedy(error)) from error


@contextlib.contextmanager
def _folder(path: Path) -> Iterator[Path]:
    """Yield a folder as `atomic_folder` does. Raises SourceError."""
    is_open = False
    try:
        with atomic_folder(path) as folder:
            is_open = True
            yield folder
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise SourceError(f"{path} is not empty.", "Choose another folder: files are not overwritten.") from error
        what = f"{path} cannot be saved" if is_open else f"The folder {path} cannot be created"
        raise SourceError(f"{what}: {reason(error)}.", remedy(error)) from error


def _check_free(path: Path, *, overwrite: bool) -> None:
    if path.is_dir():
        raise SourceError(f"{path} is a folder.", "Choose a file in it.")
    if os.path.lexists(path) and not overwrite:
        raise _exists_error(path)


def _exists_error(path: Path) -> SourceError:
    return SourceError(f"{path} exists already.", "Choose another name, or overwrite it.")


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
