"""Request messages as a person gives them: as arguments, or line by line from standard input, as the lines come."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterable
from typing import Final

from inspector.errors import RequestError, UsageError

STDIN: Final = "-"
_READ: Final = 65_536


async def message_texts(given: Iterable[str]) -> AsyncIterator[str]:
    """Each request's text; `-` stands for those on standard input: one a line, or JSON objects over several lines.

    Raises RequestError for a line that is no UTF-8.
    """
    for text in given:
        if text == STDIN:
            async for line in _messages(_stdin_lines()):
                yield line
        else:
            yield text


def check_texts(given: Iterable[str]) -> None:
    """Raises UsageError when standard input is asked for twice."""
    if list(given).count(STDIN) > 1:
        raise UsageError("There is one standard input: give - once.")


async def _messages(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    begun = ""
    async for line in lines:
        begun += line
        text = begun.strip()
        if text and not _goes_on(text):
            yield text
            begun = ""
    if begun.strip():
        yield begun.strip()


def _goes_on(text: str) -> bool:
    """True for a JSON object whose end has not come; what is wrong with any other is said where it is built."""
    if not text.startswith("{"):
        return False
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.pos >= len(text)
    except RecursionError:
        return False
    return False


async def _stdin_lines() -> AsyncIterator[str]:
    """Lines as they come. The descriptor stays blocking: on a terminal, it is that of standard output too."""
    descriptor, rest = sys.stdin.fileno(), b""
    while data := await _read(descriptor):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield _text(line) + "\n"
    yield _text(rest)


async def _read(descriptor: int) -> bytes:
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    try:
        loop.add_reader(descriptor, readable.set)
    except PermissionError:  # a file can always be read
        return os.read(descriptor, _READ)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(descriptor)
    return os.read(descriptor, _READ)


def _text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise RequestError("A line of standard input is no UTF-8.", "JSON is written in UTF-8.") from error
