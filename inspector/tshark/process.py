"""One run of tshark behind a capture that may still grow, driven by pyshark.

pyshark's PipeCapture starts tshark on a pipe and pumps its output; the line parser, the child's own session and the
collecting of its last words are ours. Bytes of the capture go in at one end, packets come out in batches at the
other, all on one event loop, which is left to others after every batch.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from asyncio import StreamReader
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Final

from pyshark.capture.pipe_capture import PipeCapture
from pyshark.tshark.output_parser.base_parser import BaseTsharkOutputParser

from inspector.model.frame import Packet
from inspector.processes import end_unread, is_stopped, make_pipe, memory_of, spawn, write_all
from inspector.scheduling import yield_to_ui
from inspector.tshark.binary import Decoding, Tshark, TsharkDied, about_capture, environment
from inspector.tshark.fields import FORMAT, LineReader
from inspector.tshark.packets import read_packet
from inspector.tshark.rotation import ResumedNumbering

_CHUNK: Final = 1 << 14
"""Bytes of output that are parsed before the loop's other tasks have their turn: a few milliseconds of work."""
_KEPT_WORDS: Final = 20


class TsharkRun(PipeCapture):  # type: ignore[misc]  # pyshark has no types
    """One tshark process; make one for each run."""

    _running_processes: set[Process] = frozenset()  # type: ignore[assignment]
    """Where pyshark looks, also when there are no open files for the pipe and nothing else was made."""

    def __init__(self, tshark: Tshark, decoding: Decoding, numbering: ResumedNumbering | None = None) -> None:
        """`numbering` is for a run that does not begin at the beginning of the capture."""
        self._output_end, self._input_end = make_pipe()
        super().__init__(
            self._output_end,
            eventloop=asyncio.get_running_loop(),
            tshark_path=tshark.path,
            custom_parameters=tshark.arguments(decoding, goes_on=numbering is not None),
        )
        self._use_ek = True
        self._lines = LineReader(tshark.refused)
        self._numbering = numbering
        self._words: deque[str] = deque(maxlen=_KEPT_WORDS)
        self.fed = 0
        """Bytes of the capture that tshark has taken."""

    async def decode(self, capture: AsyncIterator[bytes], on_packets: Callable[[list[Packet]], None]) -> str:
        """Decode until the capture ends; returns what tshark found wrong with the capture, "" for nothing.

        Raises:
            TsharkDied: it ended before the capture did.
            OSError: it cannot be run at all.
        """
        feeding = asyncio.create_task(self._feed(capture))
        try:
            await self.packets_from_tshark(on_packets, close_tshark=False)
            (process,) = self._running_processes
            status = await process.wait()
            await asyncio.gather(*self._stderr_handling_tasks)
            said = "\n".join(self._words)
            if feeding.done() and (error := feeding.exception()) is not None:
                raise error
            if status and not (amiss := about_capture(said)):
                raise TsharkDied(status, said)
            if status == 0 and not await _is_over(feeding):
                raise TsharkDied(status, said)
            return amiss if status else ""
        finally:
            feeding.cancel()
            await asyncio.wait({feeding})
            await self.close_async()

    @property
    def memory(self) -> int:
        """Bytes of memory that tshark holds; 0 while there is none."""
        return sum(memory_of(process.pid) for process in self._running_processes)

    @property
    def stopped(self) -> int:
        """The process id of tshark while a signal (SIGSTOP) has stopped it; else 0."""
        return next((process.pid for process in self._running_processes if is_stopped(process.pid)), 0)

    async def close_async(self) -> None:
        """End tshark, however far it is, and close both ends of its pipe."""
        for process in self._running_processes:
            await end_unread(process)
        self._running_processes.clear()
        for task in self._stderr_handling_tasks:
            await task
        self._close_ends()

    def close(self) -> None:
        """What pyshark does when a run that was broken off is collected.

        Its own way closes the pipe by its number, which is somebody else's by then: gRPC's, and gRPC aborts.
        """
        self._close_ends()

    async def _feed(self, capture: AsyncIterator[bytes]) -> None:
        os.set_blocking(self._input_end, False)
        try:
            async for data in capture:
                await write_all(self._input_end, data)
                self.fed += len(data)
        except BrokenPipeError:
            return  # tshark is gone, which whoever reads its output notices
        finally:
            os.close(self._input_end)
            self._input_end = -1

    def _close_ends(self) -> None:
        for descriptor in (self._output_end, self._input_end):
            if descriptor >= 0:
                os.close(descriptor)
        self._output_end = self._input_end = -1

    # What pyshark asks of its subclasses.

    async def _get_tshark_process(self, packet_count: int | None = None) -> Process:
        command = [self.tshark_path, "-l", "-n", *FORMAT, *self.get_parameters(packet_count)]
        process = await spawn(*command, stdin=self._pipe, stdout=PIPE, env=environment())
        os.close(self._output_end)
        self._output_end = -1
        self._create_stderr_handling_task(process.stderr)
        self._created_new_process(command, process)
        return process

    def _setup_tshark_output_parser(self) -> BaseTsharkOutputParser:
        return _LineParser(self._lines, self._numbering)

    async def _handle_process_stderr_forever(self, stderr: StreamReader) -> None:
        async for line in stderr:
            self._words.append(line.decode(errors="replace").strip())


class _LineParser(BaseTsharkOutputParser):  # type: ignore[misc]
    """Makes a batch of packets of each chunk of output: to pyshark, the batch is one packet."""

    def __init__(self, lines: LineReader, numbering: ResumedNumbering | None) -> None:
        super().__init__()
        self._lines = lines
        self._numbering = numbering
        self._rest: list[bytes] = []
        """Of a line that is not whole: a capture may be such that one has many megabytes."""

    async def get_packets_from_stream(
        self,
        stream: StreamReader,
        existing_data: bytes,  # what was returned as the rest
        got_first_packet: bool = True,  # noqa: ARG002
    ) -> tuple[list[Packet], bytes]:
        await yield_to_ui()
        output = await stream.read(_CHUNK)
        if not output:
            raise EOFError
        whole, newline, rest = output.rpartition(b"\n")
        if not newline:
            self._rest.append(output)
            return [], existing_data
        lines = b"".join((*self._rest, whole)).split(b"\n")
        self._rest = [rest]
        return [read_packet(self._lines.read(line), self._numbering) for line in lines if line], existing_data


async def _is_over(task: asyncio.Task[None]) -> bool:
    """True when a task that has nothing left to do but to end has ended."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(task), 1)
    return task.done()
