"""Any message of any schema survives JSON → wire → capture → JSON, through a real capture and the real tshark."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inspector.model.frame import Side
from inspector.present.export.json import call_object, json_line
from inspector.schema.catalog import Catalog, Method
from inspector.schema.completion import complete
from inspector.schema.decode import Format, read_bytes
from inspector.schema.encode import build
from inspector.schema.template import template
from tests.any_schema import PACKAGE, fill_at_random, schemas
from tests.captures import read_store
from tests.conversation import prefixed
from tests.wire import SERVER, Wire
from tests.wire import data as frame_of

PATH = f"/{PACKAGE}.S/Do"
AT_RANDOM = settings(max_examples=2 * settings().max_examples, suppress_health_check=list(HealthCheck), deadline=None)


class Example(NamedTuple):
    """A schema with a message of it."""

    catalog: Catalog
    message: Message

    @property
    def method(self) -> Method:
        return self.catalog.methods[PATH]

    def value(self) -> Any:
        data = type(self.message).SerializeToString(self.message, deterministic=True)
        reading = read_bytes(data, f"{PACKAGE}.M0", self.catalog)
        assert reading.format is Format.PROTOBUF
        assert reading.complete
        return reading.value


@st.composite
def examples(draw: Any) -> Example:
    catalog = Catalog()
    catalog.add(FileDescriptorSet(file=[draw(schemas())]), "any.proto")
    assert catalog.problems == []
    names = [*catalog.message_types(), "google.protobuf.Timestamp", "google.protobuf.Struct", "google.protobuf.Any"]
    types = [found for name in names if (found := catalog.message_class(name)) and _is_open(found)]
    message_class = catalog.message_class(f"{PACKAGE}.M0")
    assert message_class is not None
    message = message_class()
    fill_at_random(draw, message, types)
    return Example(catalog, message)


def _is_open(message_class: type[Message]) -> bool:
    """True for a type that may stay empty inside an Any."""
    return bool(message_class.IsInitialized(message_class()))


@AT_RANDOM
@given(examples())
def test_any_message_survives_conversion_to_json(example: Example) -> None:
    value = example.value()
    text = json.dumps(value)
    data = build(text, example.method, example.catalog)
    assert read_bytes(data, f"{PACKAGE}.M0", example.catalog).value == value
    assert data == type(example.message).SerializeToString(example.message, deterministic=True)
    assert json.loads(json_line(value)) == value


@pytest.mark.system
async def test_any_message_survives_the_wire(tmp_path: Path) -> None:
    sent: list[Example] = []

    @AT_RANDOM
    @given(examples())
    def collect(example: Example) -> None:
        sent.append(example)

    collect()
    wire = Wire()
    wire.begin()
    for index, example in enumerate(sent):
        data = build(json.dumps(example.value()), example.method, example.catalog)
        _call(wire, 2 * index + 1, data, is_compressed=index % 3 == 0)
    store = await read_store(wire.write(tmp_path / "any.pcap"), SERVER.port)
    assert len(store.calls) == len(sent)
    for example, key in zip(sent, store.calls, strict=True):
        told: Any = call_object(store, example.catalog, key)
        for side in ("requests", "responses"):
            shown = [(each["format"], each["type"], each["value"]) for each in told[side]]
            assert shown == [("protobuf", "M0", example.value())]


def _call(wire: Wire, stream: int, data: bytes, *, is_compressed: bool) -> None:
    kind = ("content-type", "application/grpc")
    encoding = (("grpc-encoding", "gzip"),) if is_compressed else ()
    body = prefixed(gzip.compress(data), compressed=True) if is_compressed else prefixed(data)
    first = wire.headers(Side.CLIENT, stream, (":method", "POST"), (":path", PATH), kind, *encoding)
    wire.client(first, frame_of(stream, body, end=True))
    began = wire.headers(Side.SERVER, stream, (":status", "200"), kind, *encoding)
    ended = wire.headers(Side.SERVER, stream, ("grpc-status", "0"), end=True)
    wire.server(began, frame_of(stream, body), ended)


@AT_RANDOM
@given(schemas())
def test_the_template_of_any_type_can_be_sent(schema: Any) -> None:
    catalog = Catalog()
    catalog.add(FileDescriptorSet(file=[schema]), "any.proto")
    method = catalog.methods[PATH]
    text = template(method, catalog)
    assert read_bytes(build(text, method, catalog), method.request_type, catalog).format is Format.PROTOBUF


@AT_RANDOM
@given(examples(), st.data())
def test_completion_works_at_any_cursor(example: Example, data: st.DataObject) -> None:
    text = json.dumps(example.value(), indent=1)
    offset = data.draw(st.integers(0, len(text)))
    for broken in (text, text[:offset]):
        found = complete(broken, offset, example.method, example.catalog)
        assert 0 <= found.start <= offset <= found.end <= len(broken)


@pytest.mark.parametrize("indent", [None, 2])
def test_a_key_is_never_offered_twice(indent: int | None) -> None:
    catalog = Catalog()
    text = json.dumps({"name": "x"}, indent=indent)
    found = complete(text, 1, catalog.methods["/HelloWorld/greet"], catalog)
    assert found.candidates == ()
