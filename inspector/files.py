"""Paths as the user types them, and files that are written whole or not at all, with mode 0600."""

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
    """Return a path with `~` and `~user` replaced as a shell does: unchanged where there is no such user."""
    return Path(os.path.expanduser(text))  # noqa: PTH111 - Path.expanduser fails for an unknown user


def status_of(path: Path) -> os.stat_result | None:
    """Return the status of the file or folder at a path; None where there is none.

    `Path.exists`, `is_file` and `is_dir` give False instead of an error since Python 3.14.

    Raises:
        OSError: it cannot be looked at: no permission, a name that is too long, …
    """
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None


_PART: Final = re.compile(r"\..*\.grpc-inspector-(\d+)-[0-9a-f]{16}\.part", re.DOTALL)
"""The process id of the program that writes it, and random digits."""
_LONGEST_NAME: Final = 32
"""Characters of the file's own name in that of its part: four bytes each at most, and a name has 255."""
_SURELY_LOCKED: Final = 3600.0
"""Seconds after which a part without a lock is abandoned although its process id is in use: by another program."""
_NAMELESS: Final[int | None] = getattr(os, "O_TMPFILE", None)
_DESCRIPTORS: Final = "/proc/self/fd"
"""Where a file without a name can be given one (open(2), O_TMPFILE)."""


@contextmanager
def atomic_file(path: Path, *, overwrite: bool) -> Iterator[int]:
    """Yield a descriptor to write to; at the end of the block the file is at `path`, after an exception nowhere.

    Raises:
        FileExistsError: there is something at `path`, and `overwrite` is false.
        OSError: the folder or the disk does not take it.
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
    """Yield a folder to write files into; at the end of the block they are in `path`, after an exception nowhere.

    `path` is made, or is an empty folder.

    Raises:
        OSError: it cannot be made, or is not empty: ENOTEMPTY.
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
    """Remove what programs that were killed left half-written in a folder; nothing that is still being written."""
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
    except OSError:  # a file system without such files; anything else that is wrong, making a part will tell
        return None
    _lock(descriptor)
    return descriptor


def _name(descriptor: int, path: Path, *, overwrite: bool) -> None:
    """Give a file without a name its own."""
    try:
        _link(descriptor, path)
    except FileExistsError:
        if not overwrite:
            raise
        part = _name_part(path, path.parent)  # a link replaces nothing
        with _temporary(part):
            _link(descriptor, part)
            part.replace(path)


def _link(descriptor: int, path: Path) -> None:
    # A descriptor of a folder makes Python call linkat(2), which follows the link in /proc; link(2) does not.
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
    """Move all files of `stage` into a folder; when one cannot be moved, or the program is killed, none is there."""
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
    """Have a part removed at the end of the block, or when the program is killed; it may be gone by then."""
    with removed_if_killed([part]):
        try:
            yield
        finally:
            _remove(part)


def _name_part(path: Path, folder: Path) -> Path:
    return folder / f".{path.name[:_LONGEST_NAME]}.grpc-inspector-{os.getpid()}-{secrets.token_hex(8)}.part"


def _lock(descriptor: int) -> None:
    """Tell other programs that this part is being written; the kernel unlocks it however the program ends."""
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_abandoned(part: Path, pid: int) -> bool:
    status = part.lstat()
    if status.st_uid != os.geteuid() or not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        return False
    if _is_running(pid) and status.st_mtime > time.time() - _SURELY_LOCKED:  # it may be about to lock it
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
    """Remove a file, or a folder of files; one that is gone already is fine, and so is one that does not go."""
    with contextlib.suppress(OSError):
        if stat.S_ISDIR(part.lstat().st_mode):
            for each in part.iterdir():
                each.unlink()
            part.rmdir()
        else:
            part.unlink()


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
            await yield_to_ui()
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
            await yield_to_ui()
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
