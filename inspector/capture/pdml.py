"""A packet's tree as tshark prints it in PDML: for where there is no sharkd.

PDML has labels and places, but neither the packet's bytes nor which of several sources a place is in. So bytes are put
together from the values of fields, and fields of other sources stand for none.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from inspector.model.dissection import ByteSource, Dissection, Field

_HIDDEN = "yes"
_NOT_SHOWN = frozenset({"geninfo"})


def read_pdml(number: int, text: bytes) -> Dissection | None:
    """The last packet of a PDML document, which may lack its end; None where it holds none."""
    start = text.rfind(b"<packet>")
    end = text.rfind(b"</packet>")
    if not 0 <= start < end:
        return None
    try:
        packet = ET.fromstring(text[start : end + len(b"</packet>")])  # noqa: S314 - tshark's, without a DTD
    except ET.ParseError:
        return None
    layers = [proto for proto in packet if proto.get("name") not in _NOT_SHOWN]
    data = _put_together(layers)
    return Dissection(number, tuple(_field(layer, data) for layer in layers), (ByteSource("Packet", bytes(data)),))


def _field(node: ET.Element, data: bytearray) -> Field:
    name, shown = node.get("name") or "", node.get("show") or ""
    start, length = _place(node)
    if (value := _value(node)) is not None and data[start : start + length] != value:
        start = length = 0
    is_layer = node.tag == "proto"
    return Field(
        label=node.get("showname") or shown or name,
        filter=name if is_layer else _filter(name, shown),
        start=min(start, len(data)),
        length=max(0, min(length, len(data) - start)),
        children=tuple(_field(child, data) for child in node if child.get("hide") != _HIDDEN),
    )


def _filter(name: str, shown: str) -> str:
    if not name or not shown:
        return name
    is_number = shown.removeprefix("0x").isalnum() and shown[0].isdigit()
    quoted = shown.replace("\\", "\\\\").replace('"', '\\"')
    return f"{name} == {shown}" if is_number or ":" in shown or "." in shown else f'{name} == "{quoted}"'


def _place(node: ET.Element) -> tuple[int, int]:
    start, length = node.get("pos") or "", node.get("size") or ""
    return (int(start), int(length)) if start.isdigit() and length.isdigit() else (0, 0)


def _put_together(layers: list[ET.Element]) -> bytearray:
    """The packet's bytes, of which those that no field has the value of are 0."""
    size = max((sum(_place(layer)) for layer in layers if layer.get("name") == "frame"), default=0)
    data, known = bytearray(size), bytearray(size)
    for start, value in _values(layers):
        for index, byte in enumerate(value, start):
            # What comes later at the same place is of another source: headers come first.
            if index < size and not known[index]:
                data[index], known[index] = byte, 1
    return data


def _values(layers: list[ET.Element]) -> Iterator[tuple[int, bytes]]:
    for layer in layers:
        for node in layer.iter("field"):
            if (value := _value(node)) is not None:
                yield _place(node)[0], value


def _value(node: ET.Element) -> bytes | None:
    """The bytes of a field, where all of them are told."""
    value = node.get("unmaskedvalue") or node.get("value") or ""
    length = _place(node)[1]
    return bytes.fromhex(value) if length and len(value) == 2 * length else None
