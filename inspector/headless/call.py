"""`call`: sends one call of any kind and prints the frames that carried it."""

from __future__ import annotations

import asyncio
import difflib
import os
import re
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from inspector.client.active_call import ActiveCall, Outcome
from inspector.client.options import Behind, CallSettings
from inspector.client.sender import Sender
from inspector.errors import InspectorError, RequestError, ServiceError, UsageError
from inspector.headless.call_output import ClientTracePrinter, SentCallFinder
from inspector.headless.output import Output, say
from inspector.headless.runner import INTERRUPTED, CommandRunner, Limits
from inspector.model.call import CallKind
from inspector.model.frame import Side
from inspector.present.client_trace import ClientTrace
from inspector.present.export.json import json_line
from inspector.schema.catalog import GREET_ORIGIN, Catalog, Method
from inspector.schema.encode import build
from inspector.schema.untyped import untyped_method
from inspector.session import Session
from inspector.text import counted

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


Passed = Callable[[Side, bytes], None]


async def exchange(call: ActiveCall, messages: AsyncIterator[bytes], passed: Passed) -> Outcome:
    """Send the messages as they come, half-close, and read until the end; replies are taken while messages go out.

    Raises InspectorError when a message cannot be built; the call is then cancelled.
    """
    feeding = asyncio.create_task(_feed(call, messages, passed))
    try:
        async for reply in call.replies():
            passed(Side.SERVER, reply)
        outcome = await call.outcome()
    except asyncio.CancelledError:
        call.cancel()
        raise
    finally:
        feeding.cancel()  # the call may end before its messages do
        await asyncio.wait({feeding})
    if not feeding.cancelled() and (error := feeding.exception()) is not None:
        raise error
    return outcome


async def _feed(call: ActiveCall, messages: AsyncIterator[bytes], passed: Passed) -> None:
    try:
        async for message in messages:
            passed(Side.CLIENT, message)
            if not await call.send(message):
                return
        await call.half_close()
    except InspectorError:
        call.cancel()
        raise


STATUS_BASE: Final = 64
"""Added to the code of a call that is not OK, to make the exit status: as grpcurl does."""
_TAKES_ONE: Final = (CallKind.UNARY, CallKind.SERVER_STREAMING)


@dataclass(frozen=True, slots=True)
class Request:
    """What to send."""

    method: str
    messages: tuple[str, ...] = ()
    """JSON texts, or bare words for a message with a single field; `-` for those on standard input."""
    settings: CallSettings = CallSettings()  # noqa: RUF009 - frozen
    kind: CallKind | None = None
    """The kind of call, for a method that no schema knows."""


class CallRun:
    """One request made ready: its method is known, and the messages that are at hand are built."""

    def __init__(self, catalog: Catalog, request: Request) -> None:
        """RequestError or UsageError for what cannot be sent."""
        self.method = find_method(catalog, request.method, request.kind)
        self.settings = request.settings
        check_texts(request.messages)
        for text in request.messages:
            if text != STDIN:
                build(text, self.method, catalog)  # before anything is sent
        if self.method.kind in _TAKES_ONE and len(request.messages) > 1:
            raise RequestError(f"{self.method.path} takes one message, and {len(request.messages)} are given.")
        self._catalog, self._texts = catalog, request.messages

    async def messages(self) -> AsyncIterator[bytes]:
        """Each message, built as its text comes; a call that takes one message has one, be it empty."""
        takes_one = self.method.kind in _TAKES_ONE
        texts = message_texts(self._texts)
        if takes_one:
            yield self._build(await self._only(texts))
            return
        async for text in texts:
            yield self._build(text)

    async def _only(self, texts: AsyncIterator[str]) -> str:
        found = [text async for text in texts]
        if len(found) > 1:
            raise RequestError(f"{self.method.path} takes one message, and {len(found)} are given.")
        return found[0] if found else ""

    def _build(self, text: str) -> bytes:
        return build(text, self.method, self._catalog)


async def send_call(session: Session, catalog: Catalog, limits: Limits, request: Request, *, as_json: bool) -> int:
    """Send one call and print it; returns the exit status, 0 for OK and 64 + the status code otherwise.

    Raises:
        InspectorError: the request cannot be built, or nothing can be captured.
    """
    sending, output = CallRun(catalog, request), Output()
    run = CommandRunner(session, limits, has_clients=False)
    own = SentCallFinder(session, catalog, sending.method, None if as_json else output)
    outcomes: list[Outcome] = []

    async def send() -> None:
        await session.wait_live()
        if session.status.target is None:
            return
        target, service = str(session.status.target), str(session.source)
        caller = Sender(target, sending.settings.connection, lambda: Behind(service, session.status.warning))
        stop = asyncio.create_task(run.interrupted())
        try:
            call = await caller.start(sending.method.path, sending.method.kind, sending.settings)
            own.ports = caller.local_ports() | session.own_client_ports if call.had_connection else frozenset()
            stop.add_done_callback(lambda _: call.cancel())
            outcomes.append(await exchange(call, sending.messages(), _nothing))
            if not stop.done():  # the capture goes on, and what is missing of the call will come
                await own.until_complete()
        finally:
            stop.cancel()
            await caller.close()
            run.enough()

    status = await run.until_done(own.on_change, send())
    own.finish()
    if as_json and (found := own.as_object()) is not None:
        output.lines([json_line(found)])
    if not status and own.key is not None and not own.is_complete:
        dropped = session.status.dropped
        lost = f": {counted(dropped, 'packet')} dropped" if dropped else ""
        say(f"Not all frames of the call were captured{lost}.")
    return status or (_judge(outcomes[0], is_captured=own.key is not None) if outcomes else 0)


async def send_unseen(target: str, catalog: Catalog, request: Request, *, as_json: bool) -> int:
    """Send one call over TLS, without a capture, and print the client's account of it; returns as `send_call`."""
    sending, output = CallRun(catalog, request), Output()
    caller = Sender(target, sending.settings.connection)
    most = None if as_json else 0  # what was printed is of no use any more
    account = ClientTrace(catalog, sending.method, caller.target, sending.settings.metadata, most)
    printer = ClientTracePrinter(account, output, as_json)
    try:
        call = await caller.start(sending.method.path, sending.method.kind, sending.settings)
        printer.begin()
        try:
            outcome = await exchange(call, sending.messages(), printer.note)
        except asyncio.CancelledError:
            say("Interrupted: the call was cancelled.")
            return INTERRUPTED
        printer.end(outcome)
    finally:
        await caller.close()
    return _judge(outcome, is_captured=True)


def find_method(catalog: Catalog, name: str, kind: CallKind | None = None) -> Method:
    """The method by `/package.Service/Method`, without the first slash, or with a dot for the second; RequestError.

    One that no schema knows is called as the kind that is given.
    """
    path = "/" + name.lstrip("/")
    dotted = "/" + "/".join(name.lstrip("/").rpartition(".")[::2])
    method = catalog.method(path) or catalog.method(dotted)
    if method is None and kind is not None:
        return untyped_method(path if path.count("/") > 1 else dotted, kind)
    if method is not None and kind not in (None, method.kind):
        raise RequestError(f"{method.path} is {method.kind.value} by {method.origin}.", "Leave out --kind.")
    if method is None:
        known = sorted(each.path.lstrip("/") for each in catalog.methods.values() if each.origin != GREET_ORIGIN)
        close = difflib.get_close_matches(path.lstrip("/"), known, 3)
        words = "Close to it are" if close else "Known are"
        found = close or known
        more = f" {words} {', '.join(found[:8])}{', …' if len(found) > 8 else ''}." if found else ""
        raise RequestError(
            f"No schema knows the method {path}.", f"--proto FILE gives one; --kind calls without.{more}"
        )
    return method


def _judge(outcome: Outcome, *, is_captured: bool) -> int:
    """Say on standard error what is wrong; the exit status."""
    code = outcome.status.code
    if code:
        say(outcome.detail or f"{outcome.status.name}: {outcome.status.message}")
        return STATUS_BASE + code
    if not is_captured:
        why = ServiceError("The call was answered, but its frames were not captured.")
        say(str(why))
        return why.exit_status
    return 0


def _nothing(_side: Side, _message: bytes) -> None:
    """The frames tell."""
