"""What can be saved and exported of what is on the screen: parts of the capture, objects, messages, views.

Owns the list of ways, and what each writes. A capture and raw messages are as they were on the wire; in everything else
secrets are masked unless they are asked for. Where it goes, a dialog asks; that a disk is full, `capture.saving` says.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from inspector.capture.saving import save_pieces, write_private
from inspector.errors import SourceError
from inspector.model.call import Call, StreamKey
from inspector.model.secrets import Mask
from inspector.schema.catalog import Catalog
from inspector.session import Session
from inspector.session.extracts import NOT_KEPT, Part, packets_of_calls, packets_of_connections, picked, save_part
from inspector.session.messages import save_messages
from inspector.ui.copies import SecretSwitch, masked_words
from inspector.views.as_html import follow_page
from inspector.views.as_json import call_object, frame_object, line, message_objects
from inspector.views.as_text import follow_lines
from inspector.views.follow import follow
from inspector.views.masking import has_secrets
from inspector.views.text import counted

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


class Way(NamedTuple):
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
class Ground:
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


def ways(ground: Ground) -> list[Way]:
    """All that can be written now."""
    return [*_captures(ground), *_objects(ground), *_of_call(ground), _screen(ground)]


def _captures(on: Ground) -> Iterator[Way]:
    async def everything() -> None:
        return None

    async def shown() -> Container[int]:
        return await picked(on.shown_packets())

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
    on: Ground, title: str, facts: str, ending: str, packets: Callable[[], Awaitable[Container[int] | None]]
) -> Way:
    async def write(path: Path, included: Included) -> str:
        part = Part(await packets(), included.keys, on.comments)
        return await save_part(on.session, part, path, overwrite=True)

    return Way(title, facts, ending + on.suffix, write, has_keys=on.suffix == ".pcapng")


def _objects(on: Ground) -> Iterator[Way]:
    store, catalog = on.session.store, on.catalog

    def frames(mask: Mask) -> Iterator[bytes]:
        return (line(frame_object(store, each, mask)) for each in on.frames[:] if store.frames.holds(each))

    def calls(mask: Mask) -> Iterator[bytes]:
        return (line(call_object(store, catalog, each, mask)) for each in on.calls[:] if each in store.calls)

    def messages(_mask: Mask) -> Iterator[bytes]:
        kept = (each for each in on.calls[:] if each in store.calls)
        return (line(each) for key in kept for each in message_objects(store, catalog, key))

    count = counted(len(on.calls), "call")
    frames_facts, calls_facts = f"{counted(len(on.frames), 'frame')} shown", f"{count} shown, with their messages"
    yield _lines(on, "Frames as JSON lines", frames_facts, "-frames.jsonl", frames, has_secrets=True)
    yield _lines(on, "Calls as JSON lines", calls_facts, "-calls.jsonl", calls, has_secrets=True)
    yield _lines(on, "Messages as JSON lines", f"those of {count} shown", "-messages.jsonl", messages)


def _of_call(on: Ground) -> Iterator[Way]:
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
        return (encoded(each) for each in follow_lines(follow(store, on.catalog, call().key), mask=mask))

    def page(mask: Mask) -> Iterator[bytes]:
        return (encoded(each) for each in follow_page(follow(store, on.catalog, call().key), mask))

    def encoded(line: str) -> bytes:
        return line.encode(errors="replace")

    title, facts = f"Messages of call {key}, a file each", "raw, into a folder: 001-request.bin, …"
    has = key in store.calls and has_secrets(store.calls[key], on.secrets.mask(is_on=False).secrets)
    yield Way(title, facts, f"{ending}-messages", write)
    follow_of = f"Follow of call {key} as"
    yield _lines(on, f"{follow_of} text", "as the command follow prints it", f"{ending}.txt", text, has_secrets=has)
    yield _lines(on, f"{follow_of} HTML", "one page for a browser", f"{ending}.html", page, has_secrets=has)


def _screen(on: Ground) -> Way:
    picture, title = on.picture, "Screen as SVG"

    async def write(path: Path, included: Included) -> str:
        data = (picture.clear if included.secrets else picture.masked).encode()
        write_private(path, data)
        said = _saved(title, path, len(data), on.secrets.mask(is_on=True) if included.secrets else picture.mask)
        return f"{said} The bytes in it are as on the wire." if picture.has_bytes and not included.secrets else said

    facts = "as it was when this was opened"
    return Way(title, facts, "-screen.svg", write, has_secrets=bool(picture.mask.count))


def _lines(
    on: Ground,
    title: str,
    facts: str,
    ending: str,
    make: Callable[[Mask], Iterator[bytes]],
    *,
    has_secrets: bool = False,
) -> Way:
    async def pieces(mask: Mask) -> AsyncIterator[bytes]:
        lines = make(mask)
        while held := list(islice(lines, _LINES_AT_ONCE)):
            yield b"\n".join((*held, b""))

    async def write(path: Path, included: Included) -> str:
        mask = on.secrets.mask(is_on=included.secrets)
        size = await save_pieces(pieces(mask), path, overwrite=True)
        return _saved(title, path, size, mask)

    return Way(title, facts, ending, write, has_secrets=has_secrets)


def _saved(title: str, path: Path, size: int, mask: Mask) -> str:
    remark = f" {words}." if (words := masked_words(mask)) else ""
    return f"Saved {title[0].lower()}{title[1:]} as {path}: {size:,} bytes.{remark}"
