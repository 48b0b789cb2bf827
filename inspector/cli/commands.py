"""Each command: options in, exit status out. Imports what a command needs when it runs."""

from __future__ import annotations

import asyncio
import os
import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from inspector.cli.options import connection_options, secrets_of
from inspector.cli.streams import take_standard_input
from inspector.errors import SourceError, UsageError

if TYPE_CHECKING:
    from inspector.capture.source import Target
    from inspector.headless.call import Request
    from inspector.headless.runner import Limits
    from inspector.headless.schema import SchemaQuery
    from inspector.schema.catalog import Catalog
    from inspector.session import Session, Source
    from inspector.session.schema import SchemaSources
    from inspector.tshark.binary import Decoding

# ruff: noqa: PLC0415


def app(options: Namespace) -> int:
    """The terminal app; only what its first picture needs is loaded before that is drawn."""
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
            make_session=lambda: _session(source, catalog, options),
            catalog=catalog,
            target=str(source) if isinstance(source, LiveSource) else None,
            prepare=prepare,
            open_capture=lambda path: _session(FileSource(path), catalog, options),
            open_left=lambda left: _session(FileSource(left.paths[0], left), catalog, options),
            connection=connection_options(options),
            schema=schema,
            history=HistoryFile(secrets=secrets),
            secrets=SecretSwitch(secrets),
        )
    )


def _app_source(options: Namespace) -> Source:
    """Find out what the app shows, and that it has a terminal; raises UsageError where it has none."""
    from inspector.capture.capture_file import refuse_terminal
    from inspector.session import StdinSource

    if not (sys.stdin.isatty() or options.source == "-") or not sys.stdout.isatty():
        raise UsageError("The app needs a terminal.", "`grpc-inspector frames SOURCE` and `calls SOURCE` work without.")
    source = source_of(options)
    check(options, source)
    if isinstance(source, StdinSource):
        refuse_terminal(0)
        return StdinSource(take_standard_input())
    return source


def frames(options: Namespace) -> int:
    """One line per frame."""
    from inspector.headless.frames import print_frames

    return run_session(
        options, lambda session, catalog, limits: print_frames(session, catalog, limits, as_json=options.json)
    )


def calls(options: Namespace) -> int:
    """One line per call."""
    from inspector.headless.calls import print_calls

    return run_session(
        options, lambda session, catalog, limits: print_calls(session, catalog, limits, as_json=options.json)
    )


def connections(options: Namespace) -> int:
    """One line per connection."""
    from inspector.headless.connections import print_connections

    options.reflection = options.reflection or False  # no message is printed: nobody needs to be asked
    return run_session(
        options, lambda session, catalog, limits: print_connections(session, catalog, limits, as_json=options.json)
    )


def follow(options: Namespace) -> int:
    """One stream as text."""
    from inspector.headless.follow import parse_stream, print_stream

    key = parse_stream(options.stream)
    if options.html or options.messages is not None:
        from inspector.headless.follow import StreamForm, export_stream

        how = StreamForm(options.html, options.messages, secrets_of(options))
        return run_session(options, lambda session, catalog, limits: export_stream(session, catalog, limits, key, how))
    return run_session(options, lambda session, catalog, limits: print_stream(session, catalog, limits, key))


def doctor(options: Namespace) -> int:
    """What is installed and permitted."""
    from inspector.headless.doctor import print_findings
    from inspector.headless.output import ReaderGone

    try:
        return asyncio.run(print_findings(as_json=options.json))
    except ReaderGone:
        return 0


def run_session(
    options: Namespace, work: Callable[[Session, Catalog, Limits], Awaitable[int]], source: Source | None = None
) -> int:
    """Make session and catalog as the options say, and have the work done with them; `source` is for `call`."""
    from inspector.headless.output import ReaderGone, say
    from inspector.headless.runner import Limits
    from inspector.schema.catalog import Catalog
    from inspector.session import LiveSource
    from inspector.session.schema import load_schema

    async def run(source: Source) -> int:
        catalog = Catalog()
        target = source.target if isinstance(source, LiveSource) else None
        await load_schema(catalog, schema_sources(options), target)
        for problem in catalog.problems:
            say(problem)
        limits = Limits(options.count, options.seconds, options.write)
        return await work(_session(source, catalog, options), catalog, limits)

    source = source or source_of(options)
    check(options, source)
    try:
        return asyncio.run(run(source))
    except ReaderGone:
        return 0


def source_of(options: Namespace, service: Target | None = None) -> Source:
    """The source that the options name, with how it is captured; `service` is one that is known already."""
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
    ports = options.port - own_ports(source)
    how = {"engine": options.engine, "interface": options.interface, "listen": options.listen, "ports": ports}
    return replace(source, **how)


def check(options: Namespace, source: Source | None) -> None:
    """Refuse options that would have no effect; say what else there is to say of them. Raises InspectorError."""
    from inspector.cli.applicability import Situation, check_options
    from inspector.headless.output import say
    from inspector.session.schema import check_folders

    is_secure = connection_options(options).security is not None
    check_folders(options.proto_path)  # one that is not there is the plainer fault
    for sentence in check_options(Situation(options.command, options, source, is_secure)):
        say(sentence)


def _session(source: Source, catalog: Catalog, options: Namespace) -> Session:
    """A session as the options say; the catalog learns what reflection calls in its capture tell."""
    from inspector.session import Session
    from inspector.session.memory import Memory
    from inspector.session.schema import ReflectionSniffer

    memory = None if options.memory is None else Memory.of(options.memory)
    keeps_all = getattr(options, "write", None) is not None
    session = Session(source, decoding(options), memory=memory, keeps_all=keeps_all)
    if options.seen_reflection:
        session.observe(ReflectionSniffer(session.store, catalog).update)
    return session


def decoding(options: Namespace) -> Decoding:
    """What the options say of how to decode; raises SourceError for a key log that is not there."""
    from inspector.tshark.binary import Decoding

    keylog = options.tls_keylog
    if keylog is not None and not (os.access(keylog, os.R_OK) and keylog.is_file()):
        hint = "--tls-keylog takes a file as SSLKEYLOGFILE writes it."
        raise SourceError(f"There is no key log {keylog} that can be read.", hint)
    return Decoding(ports=options.port, keylog=keylog)


def schema_sources(options: Namespace) -> SchemaSources:
    """Where the options say to look for a schema."""
    from inspector.client.options import parse_metadata
    from inspector.session.schema import SchemaSources

    files = (tuple(options.proto), tuple(options.proto_path), tuple(options.protoset))
    return SchemaSources(
        *files,
        reflection=options.reflection,
        reflect_headers=parse_metadata(options.reflect_header),
        connection=connection_options(options),
        is_seen=options.seen_reflection,
    )


# ruff: noqa: PLC0415


def call(options: Namespace) -> int:
    """One call, sent and printed."""
    from inspector.capture.source import Target
    from inspector.headless.call import send_call

    request, target = _request(options), Target.parse(options.target)
    source = source_of(options, target)  # a service, never a file
    if request.connection.security is not None:
        check(options, source)
        return _call_unseen(options, request, target)
    options.count, options.seconds = None, None
    return run_session(
        options,
        lambda session, catalog, limits: send_call(session, catalog, limits, request, as_json=options.json),
        source,
    )


def list_services(options: Namespace) -> int:
    """The services of a server, or the methods of one."""
    from inspector.headless.schema import print_list

    return _print(print_list(_asked(options), options.symbol))


def describe(options: Namespace) -> int:
    """A symbol as proto source."""
    from inspector.headless.schema import print_description

    return _print(print_description(_asked(options), options.symbol))


def _call_unseen(options: Namespace, request: Request, target: Target) -> int:
    from inspector.headless.call import send_unseen
    from inspector.headless.output import say
    from inspector.schema.catalog import Catalog
    from inspector.session.schema import load_schema

    async def run() -> int:
        catalog = Catalog()
        await load_schema(catalog, schema_sources(options), target)
        for problem in catalog.problems:
            say(problem)
        return await send_unseen(options.target, catalog, request, as_json=options.json)

    return _print(run())


def _request(options: Namespace) -> Request:
    from inspector.client.options import CallOptions, parse_metadata
    from inspector.headless.call import Request
    from inspector.model.call import CallKind

    metadata = parse_metadata(options.header)
    call_options = CallOptions(metadata, options.deadline, options.gzip, options.wait_for_ready)
    kind = None if options.kind is None else CallKind(options.kind)
    has_deadline = options.deadline is not None
    how = (call_options, has_deadline, connection_options(options), kind)
    return Request(options.method, tuple(options.messages), *how)


def _asked(options: Namespace) -> SchemaQuery:
    from inspector.headless.schema import SchemaQuery

    check(options, None)
    return SchemaQuery(options.target, schema_sources(options), options.deadline)


def _print(work: Coroutine[Any, Any, int]) -> int:
    from inspector.headless.output import ReaderGone

    try:
        return asyncio.run(work)
    except ReaderGone:
        return 0
