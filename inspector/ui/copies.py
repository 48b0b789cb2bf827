"""What a call can be copied as: a command, a script, an object, a text; and whether copies show its secrets."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from inspector.model.call import Call
from inspector.model.secrets import DEFAULT_NAMES, NO_MASK, Mask, Secrets
from inspector.schema.catalog import Catalog
from inspector.session.schema import SchemaSources
from inspector.store.store import Store
from inspector.ui.screens.choice import Choice
from inspector.views.as_command import grpcurl_command, python_script
from inspector.views.as_json import call_object
from inspector.views.as_text import follow_lines
from inspector.views.follow import follow
from inspector.views.masking import has_secrets
from inspector.views.text import counted, shortened

_LONGEST_LABEL: Final = 64
"""Cells: a checkbox in a terminal of 80 columns has no more."""


class SecretSwitch:
    """Which headers are secret, and whether copies and exports show them from now on."""

    def __init__(self, secrets: Secrets) -> None:
        self.secrets = secrets
        self.is_on = secrets.are_shown

    def turn(self) -> None:
        """Show secrets from now on, or mask them again."""
        self.is_on = not self.is_on

    def mask(self, *, is_on: bool | None = None) -> Mask:
        """Return what masks the next copy or export; `is_on` says so for this one alone."""
        return Mask(replace(self.secrets, are_shown=self.is_on if is_on is None else is_on))


def secrets_label(secrets: Secrets) -> str:
    """Return the words of a checkbox that shows secrets."""
    return shortened(f"Show secrets: {_listed(secrets)}", _LONGEST_LABEL)


def _listed(secrets: Secrets) -> str:
    """The names, those first that were asked for."""
    return ", ".join(sorted(secrets.names, key=lambda name: (name in DEFAULT_NAMES, name)))


def switched_words(secrets: SecretSwitch) -> str:
    """Return what there is to say when the switch was turned."""
    how = "show" if secrets.is_on else "mask"
    return f"Copies and exports {how} secrets from now on: {_listed(secrets.secrets)}."


def masked_words(mask: Mask) -> str:
    """Return what a confirmation says of what was masked: `1 secret masked`; nothing where nothing was."""
    if not mask.count:
        return ""
    variables = f": set {', '.join(mask.variables)} in the environment" if mask.variables else ""
    return f"{counted(mask.count, 'secret')} masked{variables}"


class Copy(NamedTuple):
    """One form of a call."""

    name: str
    """What it is, for the notification."""
    make: Callable[[Mask], str]
    """Returns the text; may raise RequestError."""
    shows_secrets: bool = False


def copy_choices(
    store: Store,
    catalog: Catalog,
    call: Call,
    target: str | None,
    schema: SchemaSources,
    secrets: Secrets = Secrets(),  # noqa: B008 - frozen
) -> list[Choice]:
    """Return the forms, those with secrets last; `target` is where commands send to, None for the call's own server."""
    where = target or str(store.connections[call.key.connection].server)

    def command(mask: Mask = NO_MASK) -> str:
        return grpcurl_command(call, catalog, where, schema_options(schema), mask)

    def script(mask: Mask = NO_MASK) -> str:
        return python_script(call, catalog, where, mask)

    def json_object(mask: Mask = NO_MASK) -> str:
        return json.dumps(call_object(store, catalog, call.key, mask))

    def text(mask: Mask = NO_MASK) -> str:
        return "\n".join(follow_lines(follow(store, catalog, call.key), mask=mask))

    forms: tuple[tuple[str, str, Callable[[Mask], str]], ...] = (
        ("grpcurl command", "for a shell, on one line", command),
        ("Python script", "with grpcio alone", script),
        ("JSON", "as `calls --json` prints it", json_object),
        ("text", "as `follow` prints it", text),
    )
    choices = [Choice(Copy(f"call {call.key} as {name}", make), name, facts) for name, facts, make in forms]
    if has_secrets(call, secrets):
        named = ((f"{name} with secrets", make) for name, _, make in forms)
        choices += [
            Choice(Copy(f"call {call.key} as {name}", make, shows_secrets=True), name, "none of them masked")
            for name, make in named
        ]
    return choices


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
