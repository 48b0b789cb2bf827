"""pyshark's handling of a tshark process, adapted to yield lines in batches.

The only module that imports pyshark, which takes 0.13 s: `process` imports it when the first tshark starts. From
pyshark come the process bookkeeping and the loop that reads standard output; the command line, the start of the child
and the line parser are our own. pyshark's packet objects decode 232 packets/s, and its EK objects raise where a packet
holds several HTTP/2 frames.
"""

from __future__ import annotations

import asyncio
import math
from asyncio import StreamReader
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from pyshark.capture.pipe_capture import PipeCapture
from pyshark.tshark.output_parser.base_parser import BaseTsharkOutputParser

from inspector.processes import end_unread, spawn
from inspector.scheduling import yield_to_ui
from inspector.tshark.binary import environment

_READ_SIZE: Final = 1 << 14
"""Bytes of output between two yields to the UI: a few milliseconds of making packets."""
_BACKGROUND_READ_SIZE: Final = 1 << 15
"""The same for lines that cost less: a hundred rows of a list, or some thousand packet numbers."""
_MAX_BACKGROUND_LINE: Final = 1 << 22
"""Bytes. Rows, numbers and PDML lines are shorter; a line of frame fields may hold many megabytes of DATA."""
_STDERR_LINES: Final = 20


class PipeEnd(Protocol):
    """An end of a pipe as a file object, which can be closed twice."""

    def fileno(self) -> int:
        """Return the descriptor."""

    def close(self) -> None:
        """Close the descriptor, if that has not been done."""


class LineCapture(PipeCapture):  # type: ignore[misc]  # pyshark has no types
    """One tshark that reads a capture from a pipe."""

    def __init__(self, command: Sequence[str], pipe: PipeEnd, *, in_background: bool) -> None:
        """Prepare a run of `command`, whose standard input is `pipe`."""
        # Without an event loop pyshark looks for a child watcher, which Python 3.14 removed.
        super().__init__(pipe, eventloop=asyncio.get_running_loop(), tshark_path=command[0])
        self._command = command
        self._in_background = in_background
        self._stderr: deque[str] = deque(maxlen=_STDERR_LINES)

    async def start(self) -> Process:
        """Start tshark, and close our copy of the pipe's reading end, so that writers notice its death.

        Raises:
            OSError: It cannot be run.
            ShortageError: There are no open files, memory or processes left.
        """
        process: Process = await self._get_tshark_process()
        return process

    async def read_lines(self, process: Process, on_lines: Callable[[list[bytes]], object]) -> None:
        """Pass on each batch of whole lines until tshark closes its output; a last line without an end is dropped."""
        await self._go_through_packets_from_fd(process.stdout, on_lines)

    async def read_stderr(self) -> str:
        """Wait for the end of standard error and return its last lines, with their indentation."""
        await asyncio.gather(*self._stderr_handling_tasks)
        return "\n".join(self._stderr)

    async def close_async(self) -> None:
        """End tshark, wherever it is in its work."""
        for process in self._running_processes:
            await end_unread(process)
        self._running_processes.clear()
        await asyncio.gather(*self._stderr_handling_tasks)

    def close(self) -> None:
        """Do nothing: pyshark calls this when an unclosed run is collected.

        Its own method closes the pipe by number. By then another owner may have that number, such as gRPC, which
        aborts the program when a descriptor of its own is closed.
        """

    # The methods that pyshark expects subclasses to override.

    async def _get_tshark_process(self, packet_count: int | None = None) -> Process:  # noqa: ARG002
        process = await spawn(
            *self._command, stdin=self._pipe.fileno(), stdout=PIPE, env=environment(), yields=self._in_background
        )
        self._pipe.close()
        self._create_stderr_handling_task(process.stderr)
        self._created_new_process(self._command, process)
        return process

    def _setup_tshark_output_parser(self) -> BaseTsharkOutputParser:
        return _LineParser(_BACKGROUND_READ_SIZE, _MAX_BACKGROUND_LINE) if self._in_background else _LineParser()

    async def _handle_process_stderr_forever(self, stderr: StreamReader) -> None:
        while line := await _read_line(stderr):
            self._stderr.append(line.rstrip())


class _LineParser(BaseTsharkOutputParser):  # type: ignore[misc]
    """Splits each chunk of output into lines: to pyshark, one batch of lines is one packet."""

    def __init__(self, read_size: int = _READ_SIZE, max_line: float = math.inf) -> None:
        super().__init__()
        self._read_size = read_size
        self._max_line = max_line
        self._pieces: list[bytes] = []
        """The beginning of a line, joined when its end arrives: joining each time is quadratic in its length."""
        self._size = 0

    async def get_packets_from_stream(
        self,
        stream: StreamReader,
        existing_data: bytes,  # what was returned as the rest: always empty
        got_first_packet: bool = True,  # noqa: ARG002
    ) -> tuple[list[bytes], bytes]:
        await yield_to_ui()
        output = await stream.read(self._read_size)
        if not output:
            raise EOFError
        whole, newline, rest = output.rpartition(b"\n")
        if not newline:
            self._keep(output)
            return [], existing_data
        lines = b"".join((*self._pieces, whole)).split(b"\n")
        self._pieces, self._size = [rest], len(rest)
        return lines, existing_data

    def _keep(self, output: bytes) -> None:
        self._pieces.append(output)
        self._size += len(output)
        if self._size > self._max_line:
            self._pieces, self._size = [], 0


async def _read_line(stream: StreamReader) -> str:
    """Return the next line with its end, "…" in place of a part that exceeds asyncio's 64 KiB, "" at the end."""
    try:
        return (await stream.readline()).decode(errors="replace")
    except ValueError:
        return "…\n"
