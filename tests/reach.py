"""`make reach`: how many of our modules take part in one thing that a user does, as a reader would have to open them.

A module takes part when code of one of its functions runs, in any thread of the process, from the key or the command on
until its effect is on the screen or printed; a coroutine that goes on counts too. Code that runs while a module is
imported does not, nor what dataclasses and named tuples generate, nor what child processes run.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import runpy
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from tests.captures import DATA
from tests.conftest import end_greet, start_greet
from tests.ui.test_send import attached
from tests.ui_running import opened

PACKAGE: Final = Path(__file__).parents[1] / "inspector"
CAPTURE: Final = DATA / "b_full.pcapng"
WORD, WORD_FOUND = "cpp7", "2 of 670 frames"
"""A word of that capture, and what the filter box then says."""
FRAMES_OF_A_CALL: Final = 5
"""HEADERS and DATA of the request; HEADERS, DATA and trailers of the reply."""

_IMPORT: Final = "<frozen importlib._bootstrap>"


class Reach:
    """Notes the files of a package in which functions run, while it is counting.

    It is installed before any thread starts: Python 3.11 cannot install it in threads that run already.
    """

    def __init__(self, package: Path) -> None:
        self._package = package
        self._inside = f"{package}{os.sep}"
        self._files: set[str] = set()
        self._counts = False

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Watch this thread and those that start within the block."""
        threading.setprofile(self._note)
        sys.setprofile(self._note)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count what runs within the block."""
        self._counts = True
        try:
            yield
        finally:
            self._counts = False

    @property
    def modules(self) -> list[str]:
        """The names of the modules that were noted."""
        paths = (Path(file).relative_to(self._package.parent).with_suffix("") for file in self._files)
        return sorted(".".join(path.parts).removesuffix(".__init__") for path in paths)

    def _note(self, frame: FrameType, event: str, _argument: object) -> None:
        if self._counts and event == "call":
            file = frame.f_code.co_filename
            if file not in self._files and file.startswith(self._inside) and not _is_module_level(frame):
                self._files.add(file)


def _is_module_level(frame: FrameType) -> bool:
    """Whether the code is that of a module itself, or runs while a module is imported."""
    if frame.f_code.co_name == "<module>":
        return True
    outer: FrameType | None = frame
    while outer is not None and outer.f_code.co_filename != _IMPORT:
        outer = outer.f_back
    return outer is not None


async def filter_by_word(reach: Reach) -> None:
    """Type a word into the filter of a capture that is read and drawn, until its frames are on the screen."""
    async with opened(CAPTURE) as run:
        with reach.counting():
            await run.press("slash")
            await run.type(WORD)
            await run.press("enter")
            await run.until(lambda: WORD_FOUND in run.counts)
            await run.pilot.pause()


async def send_call(reach: Reach) -> None:
    """Press Enter in the request box, until the frames of the call are on the screen."""
    greet = start_greet()
    try:
        async with attached(greet.port) as run:
            await run.session.wait_live()
            await run.type("World")
            with reach.counting():
                await run.press("enter")
                await run.until(lambda: run.frames.count == FRAMES_OF_A_CALL)
                await run.pilot.pause()
    finally:
        end_greet(greet)


def print_calls(reach: Reach) -> None:
    """Run the command as a shell would, until it ends."""
    sys.argv = ["grpc-inspector", "calls", str(CAPTURE), "--json"]
    with tempfile.TemporaryFile() as output:
        os.dup2(output.fileno(), 1)
        try:
            with reach.counting():
                runpy.run_module("inspector", run_name="__main__")
        except SystemExit as ended:
            if ended.code or not os.fstat(output.fileno()).st_size:
                raise RuntimeError(f"the command printed nothing or failed: {ended.code}") from ended


PARTS: Final[dict[str, tuple[str, Callable[[Reach], None]]]] = {
    "filter": ("a word typed into the filter of the app", lambda reach: asyncio.run(filter_by_word(reach))),
    "calls": ("the command `calls FILE --json`", print_calls),
    "send": ("Enter in the request box, until its frames are listed", lambda reach: asyncio.run(send_call(reach))),
}


def measure(part: str) -> list[str]:
    """Return the modules that take part, in a process that has done nothing else and keeps nothing of the user's."""
    reach = Reach(PACKAGE)
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update({f"XDG_{kind}_HOME": folder for kind in ("CACHE", "STATE", "CONFIG")})
        with reach.installed():
            PARTS[part][1](reach)
    return reach.modules


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures of the parts that are named, of all without a name."""
    parser = argparse.ArgumentParser(prog="python -m tests.reach", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all without one")
    parser.add_argument("--list", action="store_true", help="list the modules")
    options = parser.parse_args(arguments)
    chosen = options.parts or list(PARTS)
    if unknown := set(chosen) - PARTS.keys():
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, max_tasks_per_child=1) as processes:
        for part in chosen:
            modules = processes.submit(measure, part).result()
            print(f"{len(modules):4} modules  {part:<7} {PARTS[part][0]}", flush=True)
            if options.list:
                print(*(f"       {name}" for name in modules), sep="\n")


if __name__ == "__main__":
    main()
