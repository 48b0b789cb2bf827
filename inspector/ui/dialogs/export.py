"""What can be copied, saved and exported, and in which form."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from inspector.errors import SourceError
from inspector.files import save_pieces, write_private
from inspector.model.call import Call, StreamKey
from inspector.model.secrets import DEFAULT_NAMES, NO_MASK, Mask, Secrets
from inspector.present.export.commands import grpcurl_command, python_script
from inspector.present.export.json import call_object, frame_object, json_line, message_objects
from inspector.present.export.text import follow_lines, follow_page, has_secrets
from inspector.present.follow import Follow
from inspector.schema.catalog import Catalog
from inspector.session import Session
from inspector.session.export import (
    NOT_KEPT,
    CapturePart,
    packets_of_calls,
    packets_of_connections,
    pick_packets,
    save_messages,
    save_part,
)
from inspector.session.schema import SchemaSources
from inspector.store.store import Store
from inspector.text import counted, shortened
from inspector.ui.dialogs.choice import Choice

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
        return "\n".join(follow_lines(Follow(store, catalog, call.key), mask=mask))

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


_LINES_AT_ONCE: Final = 50
"""Between two looks at the keyboard: a few milliseconds."""


class Included(NamedTuple):
    """What is written only when it is asked for."""

    keys: bool = False
    """TLS keys."""
    secrets: bool = False


class Picture(NamedTuple):
    """The screen as SVG, with its secrets masked and without."""

    masked: str
    clear: str
    mask: Mask
    """What was masked."""
    has_bytes: bool
    """True where raw bytes are in it too, of which nothing is masked."""


class ExportOption(NamedTuple):
    """One thing that can be written."""

    title: str
    facts: str
    ending: str
    """Of the name that is proposed: `-marked.pcapng`; empty for a folder."""
    write: Callable[[Path, Included], Awaitable[str]]
    """Takes where to, which may be written over, and what is included; gives a sentence."""
    has_keys: bool = False
    """True where TLS keys may be in it."""
    has_secrets: bool = False
    """True where headers may be in it that are masked."""

    @property
    def is_folder(self) -> bool:
        """True when files are written into a folder."""
        return not self.ending.rpartition(".")[1]


@dataclass(frozen=True, slots=True)
class ExportContext:
    """What is on the screen."""

    session: Session
    catalog: Catalog
    shown_packets: Callable[[], Iterable[int]]
    marked: Callable[[], Awaitable[frozenset[int]]]
    """The packets of what is marked."""
    marks: int
    frames: Sequence[int]
    """Positions that are shown."""
    calls: Sequence[StreamKey]
    """Calls that are shown."""
    call: StreamKey | None
    connection: int | None
    """What is selected."""
    suffix: str
    """`.pcap` or `.pcapng`, as the capture is."""
    comments: Mapping[int, tuple[str, ...]]
    picture: Picture
    secrets: SecretSwitch


def export_options(ground: ExportContext) -> list[ExportOption]:
    """All that can be written now."""
    return [*_captures(ground), *_objects(ground), *_of_call(ground), _screen(ground)]


def _captures(on: ExportContext) -> Iterator[ExportOption]:
    async def everything() -> None:
        return None

    async def shown() -> Container[int]:
        return await pick_packets(on.shown_packets())

    yield _capture(on, "Capture, all packets", "as it was captured", "", everything)
    yield _capture(on, "Capture, packets shown", "those that the filter lets through", "-shown", shown)
    if on.marks:
        yield _capture(on, "Capture, marked", f"the packets of {counted(on.marks, 'marked row')}", "-marked", on.marked)
    if (key := on.call) is not None:
        facts = "the packets that carry it; headers may refer to others of its connection"
        ending = f"-call-{key.connection}-{key.stream}"
        yield _capture(on, f"Capture, call {key}", facts, ending, lambda: packets_of_calls(on.session, [key]))
    if (number := on.connection) is not None:
        facts, ending = "all its packets", f"-connection-{number}"
        yield _capture(
            on, f"Capture, connection {number}", facts, ending, lambda: packets_of_connections(on.session, [number])
        )


def _capture(
    on: ExportContext, title: str, facts: str, ending: str, packets: Callable[[], Awaitable[Container[int] | None]]
) -> ExportOption:
    async def write(path: Path, included: Included) -> str:
        part = CapturePart(await packets(), included.keys, on.comments)
        return await save_part(on.session, part, path, overwrite=True)

    return ExportOption(title, facts, ending + on.suffix, write, has_keys=on.suffix == ".pcapng")


def _objects(on: ExportContext) -> Iterator[ExportOption]:
    store, catalog = on.session.store, on.catalog

    def frames(mask: Mask) -> Iterator[bytes]:
        return (json_line(frame_object(store, each, mask)) for each in on.frames[:] if store.frames.holds(each))

    def calls(mask: Mask) -> Iterator[bytes]:
        return (json_line(call_object(store, catalog, each, mask)) for each in on.calls[:] if each in store.calls)

    def messages(_mask: Mask) -> Iterator[bytes]:
        kept = (each for each in on.calls[:] if each in store.calls)
        return (json_line(each) for key in kept for each in message_objects(store, catalog, key))

    count = counted(len(on.calls), "call")
    frames_facts, calls_facts = f"{counted(len(on.frames), 'frame')} shown", f"{count} shown, with their messages"
    yield _lines(on, "Frames as JSON lines", frames_facts, "-frames.jsonl", frames, has_secrets=True)
    yield _lines(on, "Calls as JSON lines", calls_facts, "-calls.jsonl", calls, has_secrets=True)
    yield _lines(on, "Messages as JSON lines", f"those of {count} shown", "-messages.jsonl", messages)


def _of_call(on: ExportContext) -> Iterator[ExportOption]:
    if (key := on.call) is None:
        return
    store, ending = on.session.store, f"-call-{key.connection}-{key.stream}"

    def call() -> Call:
        if key not in store.calls:  # it left while the dialog was open
            raise SourceError(NOT_KEPT)
        return store.calls[key]

    async def write(path: Path, _included: Included) -> str:
        return await save_messages(call(), path)

    def text(mask: Mask) -> Iterator[bytes]:
        return (encoded(each) for each in follow_lines(Follow(store, on.catalog, call().key), mask=mask))

    def page(mask: Mask) -> Iterator[bytes]:
        return (encoded(each) for each in follow_page(Follow(store, on.catalog, call().key), mask))

    def encoded(line: str) -> bytes:
        return line.encode(errors="replace")

    title, facts = f"Messages of call {key}, a file each", "raw, into a folder: 001-request.bin, …"
    has = key in store.calls and has_secrets(store.calls[key], on.secrets.mask(is_on=False).secrets)
    yield ExportOption(title, facts, f"{ending}-messages", write)
    follow_of = f"Follow of call {key} as"
    yield _lines(on, f"{follow_of} text", "as the command follow prints it", f"{ending}.txt", text, has_secrets=has)
    yield _lines(on, f"{follow_of} HTML", "one page for a browser", f"{ending}.html", page, has_secrets=has)


def _screen(on: ExportContext) -> ExportOption:
    picture, title = on.picture, "Screen as SVG"

    async def write(path: Path, included: Included) -> str:
        data = (picture.clear if included.secrets else picture.masked).encode()
        write_private(path, data)
        said = _saved(title, path, len(data), on.secrets.mask(is_on=True) if included.secrets else picture.mask)
        return f"{said} The bytes in it are as on the wire." if picture.has_bytes and not included.secrets else said

    facts = "as it was when this was opened"
    return ExportOption(title, facts, "-screen.svg", write, has_secrets=bool(picture.mask.count))


def _lines(
    on: ExportContext,
    title: str,
    facts: str,
    ending: str,
    make: Callable[[Mask], Iterator[bytes]],
    *,
    has_secrets: bool = False,
) -> ExportOption:
    async def pieces(mask: Mask) -> AsyncIterator[bytes]:
        lines = make(mask)
        while held := list(islice(lines, _LINES_AT_ONCE)):
            yield b"\n".join((*held, b""))

    async def write(path: Path, included: Included) -> str:
        mask = on.secrets.mask(is_on=included.secrets)
        size = await save_pieces(pieces(mask), path, overwrite=True)
        return _saved(title, path, size, mask)

    return ExportOption(title, facts, ending, write, has_secrets=has_secrets)


def _saved(title: str, path: Path, size: int, mask: Mask) -> str:
    remark = f" {words}." if (words := masked_words(mask)) else ""
    return f"Saved {title[0].lower()}{title[1:]} as {path}: {size:,} bytes.{remark}"
