"""The commands: each turns parsed options into a session or a request, runs it, and returns the exit status.

Every import of a command is inside it, so that `calls FILE --json` does not wait for Textual.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import asyncio
import os
import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from inspector.cli.options import call_settings, connection_options, secrets_of
from inspector.errors import SourceError, UsageError, reason

if TYPE_CHECKING:
    from inspector.capture.source import Target
    from inspector.headless.call import Request
    from inspector.headless.runner import Limits
    from inspector.headless.schema import SchemaQuery
    from inspector.schema.catalog import Catalog
    from inspector.session import Session, Source
    from inspector.session.schema import SchemaSources
    from inspector.tshark.binary import Decoding

    _Work: TypeAlias = Callable[[Session, Catalog, Limits], Awaitable[int]]

_TERMINAL: Final = "/dev/tty"


def app(options: Namespace) -> int:
    """Run the terminal app. Only what its first screen needs is loaded before that is drawn."""
    from inspector.client.history import HistoryFile
    from inspector.schema.catalog import Catalog
    from inspector.session import FileSource, LiveSource
    from inspector.session.schema import load_schema
    from inspector.ui.app import run
    from inspector.ui.dialogs.export import SecretSwitch
    from inspector.ui.launch import Launch

    source = _app_source(options)
    catalog, schema, secrets = Catalog(), schema_sources(options), secrets_of(options)
    attached = source.target if isinstance(source, LiveSource) and not source.greet else None

    async def prepare() -> str:
        await load_schema(catalog, schema, attached)
        return " ".join(catalog.problems)

    return run(
        Launch(
            make_session=lambda: _make_session(source, catalog, options),
            catalog=catalog,
            target=str(source) if isinstance(source, LiveSource) else None,
            prepare=prepare,
            open_capture=lambda path: _make_session(FileSource(path), catalog, options),
            open_left=lambda left: _make_session(FileSource(left.paths[0], left), catalog, options),
            connection=connection_options(options),
            schema=schema,
            history=HistoryFile(secrets=secrets),
            secrets=SecretSwitch(secrets),
        )
    )


def _app_source(options: Namespace) -> Source:
    """Return the source that the app shows. Raises UsageError where there is no terminal for the app."""
    from inspector.capture.capture_file import refuse_terminal
    from inspector.session import StdinSource

    if not (sys.stdin.isatty() or options.source == "-") or not sys.stdout.isatty():
        raise UsageError("The app needs a terminal.", "`grpc-inspector frames SOURCE` and `calls SOURCE` work without.")
    source = source_of(options)
    check(options, source)
    if isinstance(source, StdinSource):
        refuse_terminal(0)
        return StdinSource(_replace_standard_input())
    return source


def _replace_standard_input() -> int:
    """Make the terminal standard input, and return a new descriptor for the capture that was there.

    Textual reads keys from descriptor 0, and so does an editor that the app starts.

    Raises:
        UsageError: there is no terminal to read keys from.
    """
    try:
        terminal = os.open(_TERMINAL, os.O_RDWR)
    except OSError as error:
        raise UsageError(
            f"The app has no terminal to read keys from: {_TERMINAL} cannot be opened ({reason(error)}).",
            "`grpc-inspector frames -` and `calls -` work without.",
        ) from error
    capture = os.dup(0)
    os.dup2(terminal, 0, inheritable=True)
    os.close(terminal)
    return capture


def frames(options: Namespace) -> int:
    """Print one line per frame."""
    from inspector.headless.tables import print_frames

    return run_session(
        options, lambda session, catalog, limits: print_frames(session, catalog, limits, as_json=options.json)
    )


def calls(options: Namespace) -> int:
    """Print one line per call."""
    from inspector.headless.tables import print_calls

    return run_session(
        options, lambda session, catalog, limits: print_calls(session, catalog, limits, as_json=options.json)
    )


def connections(options: Namespace) -> int:
    """Print one line per connection."""
    from inspector.headless.tables import print_connections

    options.reflection = options.reflection or False  # no message is printed, so no schema is needed
    return run_session(
        options, lambda session, catalog, limits: print_connections(session, catalog, limits, as_json=options.json)
    )


def follow(options: Namespace) -> int:
    """Print one stream, as text or HTML, and save its messages where that is requested."""
    from inspector.headless.follow import parse_stream, print_stream

    key = parse_stream(options.stream)
    if options.html or options.messages is not None:
        from inspector.headless.follow import StreamForm, export_stream

        form = StreamForm(options.html, options.messages, secrets_of(options))
        return run_session(options, lambda session, catalog, limits: export_stream(session, catalog, limits, key, form))
    return run_session(options, lambda session, catalog, limits: print_stream(session, catalog, limits, key))


def call(options: Namespace) -> int:
    """Send one call and print it. Over TLS there is no capture: the client's own trace is printed."""
    from inspector.capture.source import Target
    from inspector.headless.call import send_call

    request, target = _request(options), Target.parse(options.target)
    source = source_of(options, target)
    if request.settings.connection.security is not None:
        check(options, source)
        return _call_without_capture(options, request, target)
    options.count, options.seconds = None, None
    return run_session(
        options,
        lambda session, catalog, limits: send_call(session, catalog, limits, request, as_json=options.json),
        source,
    )


def _call_without_capture(options: Namespace, request: Request, target: Target) -> int:
    from inspector.headless.call import send_uncaptured

    async def run() -> int:
        return await send_uncaptured(
            options.target, await _load_catalog(options, target), request, as_json=options.json
        )

    return _run_printing(run())


def _request(options: Namespace) -> Request:
    from inspector.headless.call import Request
    from inspector.model.call import CallKind

    kind = None if options.kind is None else CallKind(options.kind)
    return Request(options.method, tuple(options.messages), call_settings(options), kind)


def list_services(options: Namespace) -> int:
    """Print the services of a server, or the methods of one."""
    from inspector.headless.schema import print_list

    return _run_printing(print_list(_schema_query(options), options.symbol))


def describe(options: Namespace) -> int:
    """Print a symbol as proto source."""
    from inspector.headless.schema import print_description

    return _run_printing(print_description(_schema_query(options), options.symbol))


def _schema_query(options: Namespace) -> SchemaQuery:
    from inspector.headless.schema import SchemaQuery

    check(options, None)
    return SchemaQuery(options.target, schema_sources(options), options.deadline)


def doctor(options: Namespace) -> int:
    """Print what is installed and permitted."""
    from inspector.headless.doctor import print_findings

    return _run_printing(print_findings(as_json=options.json))


def _run_printing(work: Coroutine[Any, Any, int]) -> int:
    """Run a command to its exit status: 0 also where its reader stops reading, as `| head` does."""
    from inspector.headless.output import ReaderGone

    try:
        return asyncio.run(work)
    except ReaderGone:
        return 0


def run_session(options: Namespace, work: _Work, source: Source | None = None) -> int:
    """Run `work` with a session, a catalog and limits as the options describe them; return its exit status.

    `source` is for `call`, whose options name no source.
    """
    from inspector.headless.runner import Limits
    from inspector.session import LiveSource

    source = source or source_of(options)
    check(options, source)

    async def run() -> int:
        catalog = await _load_catalog(options, source.target if isinstance(source, LiveSource) else None)
        limits = Limits(options.count, options.seconds, options.write)
        return await work(_make_session(source, catalog, options), catalog, limits)

    return _run_printing(run())


async def _load_catalog(options: Namespace, target: Target | None) -> Catalog:
    """Load the schema, and report on standard error what could not be loaded; `target` is the live service."""
    from inspector.headless.output import say
    from inspector.schema.catalog import Catalog
    from inspector.session.schema import load_schema

    catalog = Catalog()
    await load_schema(catalog, schema_sources(options), target)
    for problem in catalog.problems:
        say(problem)
    return catalog


def source_of(options: Namespace, service: Target | None = None) -> Source:
    """Return the source that the options name, and how it is captured; `service` is that of `call`."""
    from inspector.capture.source import GREET_TARGET, own_ports
    from inspector.session import LiveSource, parse_source

    if service is not None:
        source: Source = LiveSource(service)
    elif options.source is None:
        source = LiveSource(GREET_TARGET, greet=True)
    else:
        source = parse_source(options.source)
    if not isinstance(source, LiveSource):
        return source
    return replace(
        source,
        engine=options.engine,
        interface=options.interface,
        listen=options.listen,
        ports=options.port - own_ports(source),
    )


def check(options: Namespace, source: Source | None) -> None:
    """Reject options that would have no effect, and remark on the others. Raises UsageError, SchemaError."""
    from inspector.cli.applicability import Situation, check_options
    from inspector.headless.output import say
    from inspector.session.schema import check_folders

    is_secure = connection_options(options).security is not None
    check_folders(options.proto_path)  # a folder that does not exist is the plainer mistake
    for remark in check_options(Situation(options.command, options, source, is_secure)):
        say(remark)


def _make_session(source: Source, catalog: Catalog, options: Namespace) -> Session:
    """Make a session that adds reflection replies in its capture to the catalog, unless the options forbid that."""
    from inspector.session import Session
    from inspector.session.memory import Memory
    from inspector.session.schema import ReflectionSniffer

    memory = None if options.memory is None else Memory.of(options.memory)
    keeps_all = getattr(options, "write", None) is not None
    session = Session(source, _decoding(options), memory=memory, keeps_all=keeps_all)
    if options.seen_reflection:
        session.observe(ReflectionSniffer(session.store, catalog).update)
    return session


def _decoding(options: Namespace) -> Decoding:
    from inspector.tshark.binary import Decoding

    keylog = options.tls_keylog
    if keylog is not None and not (os.access(keylog, os.R_OK) and keylog.is_file()):
        hint = "--tls-keylog reads a file in the format of SSLKEYLOGFILE."
        raise SourceError(f"The key log {keylog} cannot be read.", hint)
    return Decoding(ports=options.port, keylog=keylog)


def schema_sources(options: Namespace) -> SchemaSources:
    """Return where the schema is looked up."""
    from inspector.client.options import parse_metadata
    from inspector.session.schema import SchemaSources

    return SchemaSources(
        tuple(options.proto),
        tuple(options.proto_path),
        tuple(options.protoset),
        reflection=options.reflection,
        reflect_headers=parse_metadata(options.reflect_header),
        connection=connection_options(options),
        is_seen=options.seen_reflection,
    )
