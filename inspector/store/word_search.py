"""A word looked for in many frames at once: as the word's probe says it of each, at a fraction of the cost.

A filter over a million frames mostly finds that they do not hold it. So what stands in many of them is put together and
searched as one; only where the word is in the whole, each is asked. What calls say besides is not asked here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

from inspector.model.call import Call
from inspector.model.endpoint import Side
from inspector.model.frame import Frame, FrameType, type_name
from inspector.model.message import PREFIX_LENGTH, Message
from inspector.store.filter_words import bytes_test, detail_test, headers_test, is_plain
from inspector.store.store import Store

Frames: TypeAlias = dict[int, Frame]
"""By position, ascending."""

_SHORT: Final = 1_024
"""Bytes of a payload up to which it is put together with others."""


def word_search(wanted: str) -> Callable[[Store, Frames, Iterable[Call]], set[int]]:
    """A search for a lower-case word; it gives the positions of the frames that hold it."""
    in_headers, in_bytes, in_detail = headers_test(wanted), bytes_test(wanted), detail_test(wanted)
    raw = wanted.encode() if wanted.isascii() else None

    def search(store: Store, frames: Frames, calls: Iterable[Call]) -> set[int]:
        return {
            *_of_types(wanted, frames),
            *(at for at, frame in frames.items() if frame.headers is not None and in_headers(frame.headers)),
            *_in_payloads(in_bytes, raw, frames),
            *_in_details(in_detail, wanted, frames),
            *_in_messages(in_bytes, store, frames, calls),
        }

    return search


def _of_types(wanted: str, frames: Frames) -> Iterator[int]:
    kinds = {frame.type for frame in frames.values()}
    if found := {kind for kind in kinds if wanted in type_name(kind).lower()}:
        yield from (at for at, frame in frames.items() if frame.type in found)


def _in_payloads(in_bytes: Callable[[bytes], bool], raw: bytes | None, frames: Frames) -> Iterator[int]:
    data = {at: frame.payload for at, frame in frames.items() if frame.type == FrameType.DATA}
    long = {at for at, payload in data.items() if len(payload) > _SHORT}
    short = b"\n".join([payload for payload in data.values() if len(payload) <= _SHORT])
    asked = data if raw is None or raw in short.lower() else long
    yield from (at for at in asked if in_bytes(data[at]))


def _in_details(in_detail: Callable[..., bool], wanted: str, frames: Frames) -> Iterator[int]:
    details = {at: frame.detail for at, frame in frames.items() if frame.detail is not None}
    if not is_plain(wanted) or wanted in repr(list(details.values())).lower():
        yield from (at for at, detail in details.items() if frames[at].type != FrameType.DATA and in_detail(detail))


def _in_messages(
    in_bytes: Callable[[bytes], bool], store: Store, frames: Frames, calls: Iterable[Call]
) -> Iterator[int]:
    """Frames where messages end that are not in the payload as they are: compressed ones, or longer ones."""
    first, last = next(iter(frames), 0), next(reversed(frames), 0)
    for call in calls:
        for messages in (call.requests, call.responses):
            for message in messages.around(first, last, _frame):
                frame = frames.get(message.frame)
                if frame is None or (message.encoding is None and message.length + PREFIX_LENGTH <= len(frame.payload)):
                    continue
                side = Side.CLIENT if messages is call.requests else Side.SERVER
                if message.data is not None and _is_data_of(frame, call, side, store) and in_bytes(message.data):
                    yield message.frame


def _is_data_of(frame: Frame, call: Call, side: Side, store: Store) -> bool:
    is_its = frame.stream == call.key.stream and frame.connection == call.key.connection
    return is_its and frame.type == FrameType.DATA and store.side(frame) is side


def _frame(message: Message) -> int:
    return message.frame
