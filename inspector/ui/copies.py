"""What a call can be copied as: a command, a script, an object, a text."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from inspector.model.call import Call
from inspector.schema.catalog import Catalog
from inspector.session.schema import SchemaSources
from inspector.store.store import Store
from inspector.ui.screens.choice import Choice
from inspector.views.as_command import grpcurl_command, python_script
from inspector.views.as_json import call_object
from inspector.views.as_text import follow_lines
from inspector.views.follow import follow

Copy = tuple[str, Callable[[], str]]
"""What it is, for the notification, and the text, which may raise RequestError."""


def copy_choices(store: Store, catalog: Catalog, call: Call, target: str | None, schema: SchemaSources) -> list[Choice]:
    """The ways; `target` is where the commands send to, the call's own server where it is None."""
    where = target or str(store.connections[call.key.connection].server)
    ways: tuple[tuple[str, str, Callable[[], str]], ...] = (
        (
            "grpcurl command",
            "for a shell, on one line",
            partial(grpcurl_command, call, catalog, where, schema_options(schema)),
        ),
        ("Python script", "with grpcio alone", partial(python_script, call, catalog, where)),
        ("JSON", "as `calls --json` prints it", lambda: json.dumps(call_object(store, catalog, call.key))),
        ("text", "as `follow` prints it", lambda: "\n".join(follow_lines(follow(store, catalog, call.key)))),
    )
    return [Choice((f"call {call.key} as {name}", make), name, facts) for name, facts, make in ways]


def schema_options(schema: SchemaSources) -> tuple[str, ...]:
    """The options of grpcurl for the same schema."""
    folders = schema.proto_paths or tuple(dict.fromkeys(path.parent for path in schema.proto_files))
    words: list[str] = []
    for option, paths in (("-import-path", folders), ("-proto", schema.proto_files), ("-protoset", schema.protosets)):
        words += [word for path in paths for word in (option, _named(option, path, schema))]
    return tuple(words)


def _named(option: str, path: Path, schema: SchemaSources) -> str:
    """A .proto is named to grpcurl by its path below an import path."""
    if option != "-proto":
        return str(path)
    folder = next((each for each in schema.proto_paths if path.is_relative_to(each)), path.parent)
    return str(path.relative_to(folder))
