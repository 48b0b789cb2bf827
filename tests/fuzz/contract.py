"""One run of the command line, and whether it kept what it promises: status, output, standard error, memory, time."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# What each command imports when it runs is here already: a fork has it at once, and as it was when the campaign began.
from inspector.cli.main import main

MOST_SECONDS: Final = 60
"""On a busy machine; what takes longer hangs."""
MOST_MEMORY: Final = 700 << 20
"""Bytes that the program itself may take, its Python included: some hundred of the largest messages' sizes are fine,
a message's length field alone is not."""
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_BEGINNING: Final = "grpc-inspector: "


@dataclass(frozen=True, slots=True)
class Result:
    """What a run did."""

    status: int
    """As of a shell: 128 and the signal's number where one ended it."""
    output: bytes
    said: str
    seconds: float
    memory: int
    """Bytes at most."""


def run(arguments: list[str], stdin: Path | None, folder: Path) -> Result:
    """Run the command line in a child of its own, a fork of this process: nothing has to be imported again."""
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        _be_child(arguments, stdin, folder)
    _, wait_status, _ = _wait(child)
    status = os.waitstatus_to_exitcode(wait_status)
    memory = folder / "memory"
    return Result(
        128 - status if status < 0 else status,
        (folder / "out").read_bytes(),
        (folder / "err").read_text(errors="replace"),
        time.monotonic() - began,
        int(memory.read_text()) if memory.exists() else 0,
    )


def _be_child(arguments: list[str], stdin: Path | None, folder: Path) -> None:
    os.setsid()
    signal.alarm(MOST_SECONDS)
    for descriptor, path, mode in (
        (0, stdin or os.devnull, "rb"),
        (1, folder / "out", "wb"),
        (2, folder / "err", "wb"),
    ):
        with open(path, mode) as file:  # noqa: PTH123 - a device is no path of ours
            os.dup2(file.fileno(), descriptor)
    status = 70
    try:
        status = main(arguments)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 70
    except BaseException:  # noqa: BLE001 - what the interpreter itself would do
        traceback.print_exc()
    finally:
        (folder / "memory").write_text(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _wait(child: int) -> tuple[int, int, object]:
    try:
        return os.wait4(child, 0)
    except BaseException:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise


def broken_promises(result: Result, *, is_capture: bool, as_json: bool) -> list[str]:
    """What was not kept, in words; empty when all was."""
    found = []
    if result.status not in ((0,) if is_capture else (0, 1)):
        found.append(f"exit status {result.status}")
    strange = [each for each in result.said.splitlines() if not each.startswith(_BEGINNING)]
    if strange or (result.status and not result.said):
        found.append(f"standard error: {result.said[-2000:]}")
    if _CONTROL.search(result.said):
        found.append(f"control characters on standard error: {result.said!r}")
    if result.memory > MOST_MEMORY:
        found.append(f"{result.memory >> 20} MiB of memory")
    if result.seconds > MOST_SECONDS:
        found.append(f"{result.seconds:.0f} s")
    text = result.output.decode(errors="surrogateescape")
    return found + list(_not_json(text) if as_json else _not_plain(text))


def _not_json(text: str) -> list[str]:
    for line in text.splitlines():
        try:
            if not isinstance(json.loads(line), dict):
                return [f"a line is no object: {line[:200]!r}"]
        except ValueError as error:
            return [f"a line is no JSON ({error}): {line[:200]!r}"]
    return []


def _not_plain(text: str) -> list[str]:
    found = _CONTROL.search(text)
    return [f"a control character in the output: {text[max(found.start() - 50, 0) :][:100]!r}"] if found else []
