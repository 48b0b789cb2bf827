"""`call`: sends one call of any kind and prints its captured frames."""

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
_CHUNK: Final = 65_536
"""Bytes that are read of standard input at a time."""
_STRINGS_AND_BRACES: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}]')
"""Matches strings, which cannot contain a line end (RFC 8259 §7), so that braces in them are not counted."""


async def message_texts(texts: Iterable[str]) -> AsyncIterator[str]:
    """Yield the text of each message; `-` stands for those on standard input, as `split` separates them.

    Raises:
        RequestError: a line of standard input is not UTF-8.
    """
    for text in texts:
        if text == STDIN:
            async for line in split(_stdin_lines()):
                yield line
        else:
            yield text


def check_texts(texts: Iterable[str]) -> None:
    """Raise UsageError if `-` is given twice."""
    if list(texts).count(STDIN) > 1:
        raise UsageError("Standard input can be read only once: give - once.")


async def split(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    """Yield the text of each message: a line, or the lines of a JSON object from its first brace to its last."""
    lines_so_far: list[str] = []
    depth = 0
    async for line in lines:
        if lines_so_far or line.strip():
            lines_so_far.append(line)
        if line.lstrip().startswith("{") or depth:
            depth += sum({"{": 1, "}": -1}.get(mark, 0) for mark in _STRINGS_AND_BRACES.findall(line))
        if lines_so_far and depth <= 0:
            yield "".join(lines_so_far).strip()
            lines_so_far, depth = [], 0
    if lines_so_far:
        yield "".join(lines_so_far).strip()


async def _stdin_lines() -> AsyncIterator[str]:
    """Yield lines as they come. The descriptor stays blocking, as a terminal shares it with standard output."""
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
    except PermissionError:  # epoll refuses regular files, which are always readable
        return os.read(descriptor, _CHUNK)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(descriptor)
    return os.read(descriptor, _CHUNK)


def _text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise RequestError("A line of standard input is not UTF-8.", "JSON must be UTF-8.") from error


OnMessage = Callable[[Side, bytes], None]
"""Called with each message and its sender."""


async def exchange(call: ActiveCall, messages: AsyncIterator[bytes], on_message: OnMessage) -> Outcome:
    """Send the messages as they come, half-close the stream, and read replies meanwhile until the call ends.

    Raises:
        InspectorError: a message cannot be built; the call is cancelled.
    """
    feeding = asyncio.create_task(_feed(call, messages, on_message))
    try:
        async for reply in call.replies():
            on_message(Side.SERVER, reply)
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


async def _feed(call: ActiveCall, messages: AsyncIterator[bytes], on_message: OnMessage) -> None:
    try:
        async for message in messages:
            on_message(Side.CLIENT, message)
            if not await call.send(message):
                return
        await call.half_close()
    except InspectorError:
        call.cancel()
        raise


STATUS_BASE: Final = 64
"""The exit status of a call that is not OK is this plus its status code, as in grpcurl."""
_ONE_REQUEST: Final = (CallKind.UNARY, CallKind.SERVER_STREAMING)


@dataclass(frozen=True, slots=True)
class Request:
    """A call to send, as the command line describes it."""

    method: str
    messages: tuple[str, ...] = ()
    """Messages as JSON, or as a bare value for a message with a single field; `-` for those on standard input."""
    settings: CallSettings = CallSettings()  # noqa: RUF009 - frozen
    kind: CallKind | None = None
    """The kind of a method that is in no schema."""


class CallRun:
    """A request that was checked before anything is sent: its method exists, and the given messages can be built."""

    def __init__(self, catalog: Catalog, request: Request) -> None:
        """Raises RequestError or UsageError for what cannot be sent."""
        self.method = find_method(catalog, request.method, request.kind)
        self.settings = request.settings
        check_texts(request.messages)
        for text in request.messages:
            if text != STDIN:
                build(text, self.method, catalog)  # raises before anything is sent
        if self.method.kind in _ONE_REQUEST and len(request.messages) > 1:
            raise RequestError(f"{self.method.path} takes one message, but {len(request.messages)} are given.")
        self._catalog, self._texts = catalog, request.messages

    async def messages(self) -> AsyncIterator[bytes]:
        """Yield each message once its text is there. A method with one request gets exactly one, by default empty."""
        takes_one = self.method.kind in _ONE_REQUEST
        texts = message_texts(self._texts)
        if takes_one:
            yield self._build(await self._only(texts))
            return
        async for text in texts:
            yield self._build(text)

    async def _only(self, texts: AsyncIterator[str]) -> str:
        found = [text async for text in texts]
        if len(found) > 1:
            raise RequestError(f"{self.method.path} takes one message, but {len(found)} are given.")
        return found[0] if found else ""

    def _build(self, text: str) -> bytes:
        return build(text, self.method, self._catalog)


async def send_call(session: Session, catalog: Catalog, limits: Limits, request: Request, *, as_json: bool) -> int:
    """Send one call and print its frames; return the exit status: 0 for OK, else 64 plus the status code.

    Raises:
        InspectorError: the request cannot be built, or the capture cannot start.
    """
    prepared, output = CallRun(catalog, request), Output()
    run = CommandRunner(session, limits, has_clients=False)
    sent = SentCallFinder(session, catalog, prepared.method, None if as_json else output)
    outcomes: list[Outcome] = []

    async def send() -> None:
        await session.wait_live()
        if session.status.target is None:
            return
        target, service = str(session.status.target), str(session.source)
        caller = Sender(target, prepared.settings.connection, lambda: Behind(service, session.status.warning))
        stop = asyncio.create_task(run.interrupted())
        try:
            call = await caller.start(prepared.method.path, prepared.method.kind, prepared.settings)
            sent.ports = caller.local_ports() | session.own_client_ports if call.had_connection else frozenset()
            stop.add_done_callback(lambda _: call.cancel())
            outcomes.append(await exchange(call, prepared.messages(), _ignore))
            if not stop.done():  # otherwise the capture has ended, and nothing more will come
                await sent.until_complete()
        finally:
            stop.cancel()
            await caller.close()
            run.enough()

    status = await run.until_done(sent.on_change, send())
    sent.finish()
    if as_json and (found := sent.as_object()) is not None:
        output.lines([json_line(found)])
    if not status and sent.key is not None and not sent.is_complete:
        dropped = session.status.dropped
        lost = f": {counted(dropped, 'packet')} dropped" if dropped else ""
        say(f"Not all frames of the call were captured{lost}.")
    return status or (_report(outcomes[0], is_captured=sent.key is not None) if outcomes else 0)


async def send_uncaptured(target: str, catalog: Catalog, request: Request, *, as_json: bool) -> int:
    """Send one call over TLS without a capture and print the client's trace; return the exit status as `send_call`."""
    prepared, output = CallRun(catalog, request), Output()
    caller = Sender(target, prepared.settings.connection)
    limit = None if as_json else 0  # printed messages need not be kept
    trace = ClientTrace(catalog, prepared.method, caller.target, prepared.settings.metadata, limit)
    printer = ClientTracePrinter(trace, output, as_json)
    try:
        call = await caller.start(prepared.method.path, prepared.method.kind, prepared.settings)
        printer.begin()
        try:
            outcome = await exchange(call, prepared.messages(), printer.note)
        except asyncio.CancelledError:
            say("Interrupted: the call was cancelled.")
            return INTERRUPTED
        printer.end(outcome)
    finally:
        await caller.close()
    return _report(outcome, is_captured=True)


def find_method(catalog: Catalog, name: str, kind: CallKind | None = None) -> Method:
    """Return a method by name: `/package.Service/Method`, also without the first slash or with a dot for the second.

    A method that is in no schema needs a kind.

    Raises:
        RequestError: the method is unknown, or is of another kind.
    """
    path = "/" + name.lstrip("/")
    dotted = "/" + "/".join(name.lstrip("/").rpartition(".")[::2])
    method = catalog.method(path) or catalog.method(dotted)
    if method is None and kind is not None:
        return untyped_method(path if path.count("/") > 1 else dotted, kind)
    if method is not None and kind not in (None, method.kind):
        raise RequestError(f"{method.path} is {method.kind.value} according to {method.origin}.", "Leave out --kind.")
    if method is None:
        known = sorted(each.path.lstrip("/") for each in catalog.methods.values() if each.origin != GREET_ORIGIN)
        close = difflib.get_close_matches(path.lstrip("/"), known, 3)
        label = "Similar methods are" if close else "Known methods are"
        found = close or known
        more = f" {label} {', '.join(found[:8])}{', …' if len(found) > 8 else ''}." if found else ""
        raise RequestError(
            f"The method {path} is in no schema.",
            f"Give a schema with --proto FILE, or call it without one with --kind.{more}",
        )
    return method


def _report(outcome: Outcome, *, is_captured: bool) -> int:
    """Print what is wrong to standard error, and return the exit status."""
    code = outcome.status.code
    if code:
        say(outcome.detail or f"{outcome.status.name}: {outcome.status.message}")
        return STATUS_BASE + code
    if not is_captured:
        error = ServiceError("The call was answered, but its frames were not captured.")
        say(str(error))
        return error.exit_status
    return 0


def _ignore(_side: Side, _message: bytes) -> None:
    """Print nothing for a message, as its frames are printed."""
