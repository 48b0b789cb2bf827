"""Pipes on the loop: the one way in for the bytes of engines and of standard input, and the way out to tshark."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from asyncio import ReadTransport, StreamReader, StreamReaderProtocol
from typing import Final

from inspector.errors import shortage

READ_SIZE: Final = 256 * 1024
"""Bytes of a capture that are taken at once, wherever they are read from."""
_PIPE_SIZE: Final = 1024 * 1024
"""What Linux lets every user ask for: tcpdump can write on for a while when this program is busy drawing."""


def make_pipe() -> tuple[int, int]:
    """Make a pipe as roomy as may be; the ends to read and to write, neither inherited by children.

    Raises ShortageError where there are no more open files.
    """
    try:
        reading, writing = os.pipe()
    except OSError as error:
        raise shortage(error, "A pipe cannot be made") or error from error
    size = getattr(fcntl, "F_SETPIPE_SZ", None)  # Linux only
    if size is not None:
        with contextlib.suppress(OSError):
            fcntl.fcntl(writing, size, _PIPE_SIZE)
    return reading, writing


async def open_reader(descriptor: int) -> tuple[StreamReader, ReadTransport]:
    """Read a pipe, socket or FIFO on the loop; closing the transport closes the descriptor."""
    reader = StreamReader(limit=_PIPE_SIZE)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    return reader, transport


async def write_all(descriptor: int, data: bytes) -> None:
    """Write to a pipe whose reader may be slower, leaving the loop to others meanwhile; the pipe must not block."""
    loop, rest = asyncio.get_running_loop(), memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            writable: asyncio.Future[None] = loop.create_future()
            loop.add_writer(descriptor, _resolve, writable)
            try:
                await writable
            finally:
                loop.remove_writer(descriptor)


def _resolve(writable: asyncio.Future[None]) -> None:
    if not writable.done():  # it was cancelled in the same turn of the loop
        writable.set_result(None)
