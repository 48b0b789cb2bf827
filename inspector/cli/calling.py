"""`call`, `list` and `describe`: what their options come to, and who does the work."""
# ruff: noqa: PLC0415

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from inspector.cli.connecting import connection_options

if TYPE_CHECKING:
    from inspector.capture.target import Target
    from inspector.headless.call import Request
    from inspector.headless.known import Asked


def call(options: Namespace) -> int:
    """One call, sent and printed."""
    from inspector.capture.target import Target
    from inspector.cli.commands import check, run_session, source_of
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
    from inspector.headless.list import print_list

    return _print(print_list(_asked(options), options.symbol))


def describe(options: Namespace) -> int:
    """A symbol as proto source."""
    from inspector.headless.describe import print_description

    return _print(print_description(_asked(options), options.symbol))


def _call_unseen(options: Namespace, request: Request, target: Target) -> int:
    from inspector.cli.commands import schema_sources
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
    from inspector.client.metadata import parse_metadata
    from inspector.client.options import CallOptions
    from inspector.headless.call import Request
    from inspector.model.call import CallKind

    metadata = parse_metadata(options.header)
    call_options = CallOptions(metadata, options.deadline, options.gzip, options.wait_for_ready)
    kind = None if options.kind is None else CallKind(options.kind)
    has_deadline = options.deadline is not None
    how = (call_options, has_deadline, connection_options(options), kind)
    return Request(options.method, tuple(options.messages), *how)


def _asked(options: Namespace) -> Asked:
    from inspector.cli.commands import check, schema_sources
    from inspector.headless.known import Asked

    check(options, None)
    return Asked(options.target, schema_sources(options), options.deadline)


def _print(work: Coroutine[Any, Any, int]) -> int:
    from inspector.headless.output import ReaderGone

    try:
        return asyncio.run(work)
    except ReaderGone:
        return 0
