"""Request messages as a person gives them: as arguments, or line by line from standard input, as the lines come."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Iterable
from typing import Final

from inspector.errors import RequestError, UsageError

STDIN: Final = "-"
_READ: Final = 65_536
_MARKS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}]')
"""Strings, which end in their line (RFC 8259 §7), and braces outside of them."""


async def message_texts(given: Iterable[str]) -> AsyncIterator[str]:
    """Each request's text; `-` stands for those on standard input: one a line, or JSON objects over several lines.

    Raises RequestError for a line that is no UTF-8.
    """
    for text in given:
        if text == STDIN:
            async for line in split(_stdin_lines()):
                yield line
        else:
            yield text


def check_texts(given: Iterable[str]) -> None:
    """Raises UsageError when standard input is asked for twice."""
    if list(given).count(STDIN) > 1:
        raise UsageError("There is one standard input: give - once.")


async def split(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    """A message ends with its line, or where it begins with a brace, with the line that closes that."""
    begun: list[str] = []
    depth = 0
    async for line in lines:
        if begun or line.strip():
            begun.append(line)
        if line.lstrip().startswith("{") or depth:
            depth += sum({"{": 1, "}": -1}.get(mark, 0) for mark in _MARKS.findall(line))
        if begun and depth <= 0:
            yield "".join(begun).strip()
            begun, depth = [], 0
    if begun:
        yield "".join(begun).strip()


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
