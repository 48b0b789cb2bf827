"""The messages of a frame and how they are read: what rows, follow steps and JSON all need to know of a message."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.model.call import Call
from inspector.model.endpoint import Side
from inspector.model.frame import Frame, FrameType
from inspector.model.log import Log
from inspector.model.message import PREFIX_LENGTH, Message
from inspector.protocol import connect
from inspector.protocol.grpc_web import TRAILERS, is_web
from inspector.schema.catalog import Catalog
from inspector.schema.payload import Format, Reading, possible_forms, read_message
from inspector.store.store import Store
from inspector.views.naming import content_type, naming


def first_ending_at(messages: Log[Message], position: int) -> int:
    """The index of the first message that ends in the frame at a position, or would if it were there."""
    return messages.find(position, key=_frame)


def ending_in(call: Call, side: Side, position: int) -> Sequence[Message]:
    """The messages whose last byte is in the frame at a position; empty for a frame that holds only parts."""
    messages = call.messages(side)
    start = end = first_ending_at(messages, position)
    while end < len(messages) and messages[end].frame == position:
        end += 1
    return messages[start:end]


def read(
    call: Call,
    side: Side,
    message: Message,
    catalog: Catalog,
    limit: int | None = None,
    form: Format | None = None,
) -> Reading:
    """A message of a call, read by the type that the call's method gives, or in the form that is asked for."""
    method = catalog.method(naming(call, catalog).method)
    type_name, origin = (method.type_from(side), method.origin) if method else (None, "")
    said = content_type(call, side)
    return read_message(message, type_name, catalog, said, limit, form=form, origin=origin)


def trailers_in_body(call: Call, side: Side, frame: Frame) -> bytes | None:
    """What ends a body of gRPC-Web or Connect, where that fills a frame; None for every other frame."""
    said, payload = content_type(call, side), frame.payload
    flag = connect.END_STREAM if connect.is_stream(said) else TRAILERS if is_web(said) else None
    is_such = len(payload) >= PREFIX_LENGTH and payload[0] == flag
    if not is_such or int.from_bytes(payload[1:PREFIX_LENGTH], "big") != len(payload) - PREFIX_LENGTH:
        return None
    return payload[PREFIX_LENGTH:]


def forms_of(call: Call, side: Side, message: Message, catalog: Catalog) -> tuple[Format, ...]:
    """The forms that a message can be read in, in the order in which a key goes through them."""
    if message.data is None:
        return ()
    method = catalog.method(naming(call, catalog).method)
    if method is None:
        return possible_forms(message.data, None, catalog)
    return possible_forms(message.data, method.type_from(side), catalog, origin=method.origin)


def data_offset(store: Store, call: Call, side: Side, position: int) -> int:
    """How many DATA bytes a side had sent on the stream before the frame at a position."""
    total = call.passed.get(side, 0)
    for earlier in call.frames:
        if earlier >= position:
            break
        frame = store.frames[earlier]
        if frame.type == FrameType.DATA and store.side(frame) is side:
            total += len(frame.payload)
    return total


def message_frames(store: Store, call: Call, side: Side, message: Message) -> tuple[int, ...]:
    """The positions of the frames that hold a part of a message, its prefix included."""
    begin, end = message.offset, message.offset + PREFIX_LENGTH + message.length
    found, total = [], call.passed.get(side, 0)
    for position in call.frames:
        frame = store.frames[position]
        if position > message.frame or total >= end:
            break
        if frame.type == FrameType.DATA and frame.payload and store.side(frame) is side:
            if total + len(frame.payload) > begin:
                found.append(position)
            total += len(frame.payload)
    # Of a message that is missing, the frame at which that was told may be another's.
    return tuple(found) if message.frame in found else (*found, message.frame)


def _frame(message: Message) -> int:
    return message.frame
