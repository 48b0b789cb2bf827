"""The forms in which data can be copied, saved and exported, and the masking of secrets in them."""

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
"""In cells, so that the checkbox fits into a dialog on a terminal of 80 columns."""


class SecretSwitch:
    """Which headers are secret, and whether copies and exports show them."""

    def __init__(self, secrets: Secrets) -> None:
        self.secrets = secrets
        self.is_on = secrets.are_shown

    def toggle(self) -> None:
        """Show secrets, or mask them again."""
        self.is_on = not self.is_on

    def mask(self, *, is_on: bool | None = None) -> Mask:
        """Return a mask for one copy or export. `is_on` overrides the switch for this one."""
        return Mask(replace(self.secrets, are_shown=self.is_on if is_on is None else is_on))


def secrets_label(secrets: Secrets) -> str:
    """Return the label of a checkbox that shows secrets."""
    return shortened(f"Show secrets: {_listed(secrets)}", _LONGEST_LABEL)


def _listed(secrets: Secrets) -> str:
    """Return the names of secret headers, those that the user added first."""
    return ", ".join(sorted(secrets.names, key=lambda name: (name in DEFAULT_NAMES, name)))


def switch_confirmation(secrets: SecretSwitch) -> str:
    """Return the sentence that confirms that the switch was toggled."""
    verb = "show" if secrets.is_on else "mask"
    return f"Copies and exports now {verb} secrets: {_listed(secrets.secrets)}."


def secrets_remark(mask: Mask, *, is_raw: bool = False, shows_secrets: bool = False) -> str:
    """Return what a confirmation adds about secrets, such as `1 secret masked`; empty if there is nothing to add.

    `is_raw` is True for bytes as they were on the wire, in which nothing can be masked.
    """
    if is_raw and not mask.secrets.are_shown:
        return "raw bytes, including secrets"
    if shows_secrets or not mask.count:
        return ""
    variables = f": set {', '.join(mask.variables)} in the environment" if mask.variables else ""
    return f"{counted(mask.count, 'secret')} masked{variables}"


class Copy(NamedTuple):
    """One form in which a call can be copied."""

    name: str
    """A description for the notification."""
    make: Callable[[Mask], str]
    """Return the text. May raise RequestError."""
    shows_secrets: bool = False


def copy_choices(
    store: Store,
    catalog: Catalog,
    call: Call,
    target: str | None,
    schema: SchemaSources,
    secrets: Secrets = Secrets(),  # noqa: B008 - frozen
) -> list[Choice]:
    """Return the forms, those with secrets last. `target` is the address in commands, None for the call's server."""
    address = target or str(store.connections[call.key.connection].server)

    def command(mask: Mask = NO_MASK) -> str:
        return grpcurl_command(call, catalog, address, schema_options(schema), mask)

    def script(mask: Mask = NO_MASK) -> str:
        return python_script(call, catalog, address, mask)

    def json_object(mask: Mask = NO_MASK) -> str:
        return json.dumps(call_object(store, catalog, call.key, mask))

    def text(mask: Mask = NO_MASK) -> str:
        return "\n".join(follow_lines(Follow(store, catalog, call.key), mask=mask))

    forms: tuple[tuple[str, str, Callable[[Mask], str]], ...] = (
        ("grpcurl command", "for a shell, on one line", command),
        ("Python script", "needs only grpcio", script),
        ("JSON", "as `calls --json` prints it", json_object),
        ("text", "as `follow` prints it", text),
    )
    choices = [Choice(Copy(f"call {call.key} as {name}", make), name, facts) for name, facts, make in forms]
    if has_secrets(call, secrets):
        clear = ((f"{name} with secrets", make) for name, _, make in forms)
        choices += [
            Choice(Copy(f"call {call.key} as {name}", make, shows_secrets=True), name, "not masked")
            for name, make in clear
        ]
    return choices


def schema_options(schema: SchemaSources) -> tuple[str, ...]:
    """Return the options with which grpcurl uses the same schema."""
    folders = schema.proto_paths or tuple(dict.fromkeys(path.parent for path in schema.proto_files))
    arguments: list[str] = []
    for path in folders:
        arguments += ("-import-path", str(path))
    for path in schema.proto_files:
        arguments += ("-proto", _relative_path(path, schema))
    for path in schema.protosets:
        arguments += ("-protoset", str(path))
    return tuple(arguments)


def _relative_path(path: Path, schema: SchemaSources) -> str:
    """Return the path of a .proto file below its import path, as grpcurl expects it."""
    folder = next((each for each in schema.proto_paths if path.is_relative_to(each)), path.parent)
    return str(path.relative_to(folder))


_LINES_PER_PIECE: Final = 50
"""Lines that are made between two checks for pending keys; they take a few milliseconds."""


class Included(NamedTuple):
    """What is written only if the user asks for it."""

    keys: bool = False
    """TLS keys."""
    secrets: bool = False


class Picture(NamedTuple):
    """The screen as SVG, with its secrets masked and in clear."""

    masked: str
    clear: str
    mask: Mask
    """The mask of `masked`, which counts what it masked."""
    has_bytes: bool
    """True if it shows raw bytes, in which nothing can be masked."""


class ExportOption(NamedTuple):
    """One item of the export dialog."""

    title: str
    facts: str
    ending: str
    """The end of the proposed name, such as `-marked.pcapng`. For a folder it has no dot."""
    write: Callable[[Path, Included], Awaitable[str]]
    """Write to a path, overwriting what is there. Return the sentence that confirms it."""
    has_keys: bool = False
    """True if it may contain TLS keys."""
    has_secrets: bool = False
    """True if it may contain headers to mask."""

    @property
    def is_folder(self) -> bool:
        """True if it writes several files into a folder."""
        return not self.ending.rpartition(".")[1]


@dataclass(frozen=True, slots=True)
class ExportContext:
    """The capture and what is selected, marked and shown of it."""

    session: Session
    catalog: Catalog
    shown_packets: Callable[[], Iterable[int]]
    marked_packets: Callable[[], Awaitable[frozenset[int]]]
    """Return the packets of all marked rows."""
    marks: int
    """How many rows are marked."""
    frames: Sequence[int]
    """The positions of the frames that are shown."""
    calls: Sequence[StreamKey]
    """The calls that are shown."""
    call: StreamKey | None
    """The call that is selected."""
    connection: int | None
    """The connection that is selected."""
    suffix: str
    """`.pcap` or `.pcapng`, like the capture."""
    comments: Mapping[int, tuple[str, ...]]
    picture: Picture
    secrets: SecretSwitch


def export_options(context: ExportContext) -> list[ExportOption]:
    """Return what can be written now, in the order of the dialog."""
    return [*_captures(context), *_json_lines(context), *_call_exports(context), _screen(context)]


def _captures(on: ExportContext) -> Iterator[ExportOption]:
    async def everything() -> None:
        return None

    async def shown() -> Container[int]:
        return await pick_packets(on.shown_packets())

    yield _capture(on, "Capture, all packets", "as it was captured", "", everything)
    yield _capture(on, "Capture, packets shown", "those that match the filter", "-shown", shown)
    if on.marks:
        yield _capture(
            on, "Capture, marked", f"the packets of {counted(on.marks, 'marked row')}", "-marked", on.marked_packets
        )
    if (key := on.call) is not None:
        facts = "the packets that carry it; its headers may depend on others of the connection"
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


def _json_lines(on: ExportContext) -> Iterator[ExportOption]:
    store, catalog = on.session.store, on.catalog

    def frames(mask: Mask) -> Iterator[bytes]:
        return (json_line(frame_object(store, each, mask)) for each in on.frames[:] if store.frames.holds(each))

    def calls(mask: Mask) -> Iterator[bytes]:
        return (json_line(call_object(store, catalog, each, mask)) for each in on.calls[:] if each in store.calls)

    def messages(_mask: Mask) -> Iterator[bytes]:
        keys = (each for each in on.calls[:] if each in store.calls)
        return (json_line(each) for key in keys for each in message_objects(store, catalog, key))

    count = counted(len(on.calls), "call")
    frames_facts, calls_facts = f"{counted(len(on.frames), 'frame')} shown", f"{count} shown, with their messages"
    yield _lines(on, "Frames as JSON lines", frames_facts, "-frames.jsonl", frames, has_secrets=True)
    yield _lines(on, "Calls as JSON lines", calls_facts, "-calls.jsonl", calls, has_secrets=True)
    yield _lines(on, "Messages as JSON lines", f"those of {count} shown", "-messages.jsonl", messages)


def _call_exports(on: ExportContext) -> Iterator[ExportOption]:
    if (key := on.call) is None:
        return
    store, ending = on.session.store, f"-call-{key.connection}-{key.stream}"

    def call() -> Call:
        if key not in store.calls:  # evicted while the dialog was open
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

    title, facts = f"Messages of call {key}, one file each", "raw, into a folder: 001-request.bin, …"
    has = key in store.calls and has_secrets(store.calls[key], on.secrets.mask(is_on=False).secrets)
    yield ExportOption(title, facts, f"{ending}-messages", write)
    follow_of = f"Follow of call {key} as"
    yield _lines(on, f"{follow_of} text", "as the follow command prints it", f"{ending}.txt", text, has_secrets=has)
    yield _lines(on, f"{follow_of} HTML", "a page for a browser", f"{ending}.html", page, has_secrets=has)


def _screen(on: ExportContext) -> ExportOption:
    picture, title = on.picture, "Screen as SVG"

    async def write(path: Path, included: Included) -> str:
        data = (picture.clear if included.secrets else picture.masked).encode()
        write_private(path, data)
        confirmation = _saved(title, path, len(data), on.secrets.mask(is_on=True) if included.secrets else picture.mask)
        is_unmasked = picture.has_bytes and not included.secrets
        return f"{confirmation} The bytes in it are not masked." if is_unmasked else confirmation

    facts = "as it was when this dialog was opened"
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
        while piece := list(islice(lines, _LINES_PER_PIECE)):
            yield b"\n".join((*piece, b""))

    async def write(path: Path, included: Included) -> str:
        mask = on.secrets.mask(is_on=included.secrets)
        size = await save_pieces(pieces(mask), path, overwrite=True)
        return _saved(title, path, size, mask)

    return ExportOption(title, facts, ending, write, has_secrets=has_secrets)


def _saved(title: str, path: Path, size: int, mask: Mask) -> str:
    remark = f" {masked}." if (masked := secrets_remark(mask)) else ""
    return f"Saved {title[0].lower()}{title[1:]} as {path}: {size:,} bytes.{remark}"
