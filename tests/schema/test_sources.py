"""Several schema sources together: their order, their conflicts, and files that change."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import any_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]  # its stubs are not marked
from hypothesis import given
from hypothesis import strategies as st

from inspector.capture.source import Target
from inspector.errors import SchemaError
from inspector.model.call import StreamKey
from inspector.model.frame import Side
from inspector.present.detail import frame_detail
from inspector.present.export.json import call_object
from inspector.present.follow import Follow
from inspector.schema.catalog import GREET_ORIGIN, Catalog
from inspector.schema.decode import STATUS_DETAILS_HEADER, read_bytes, read_status
from inspector.schema.sources import Rank
from inspector.session.schema import FileWatch, SchemaSources, load_files, load_schema
from tests.captures import read_store
from tests.conversation import Conversation, headers, request
from tests.schema.test_decode import shop
from tests.wire import SERVER, Wire

ORDER = "shop.v1.Order"


def both(first: Rank = Rank.PROTO) -> Catalog:
    """Return a catalog of two sources, one of which describes Order differently."""
    catalog, other = Catalog(), shop(reply="OrderRef")
    other.message_type[0].field[0].name = "number"
    catalog.add(FileDescriptorSet(file=[other]), "seen", Rank.CAPTURE)
    catalog.add(FileDescriptorSet(file=[shop()]), "named", first)
    return catalog


def test_sources_named_by_the_user_come_first() -> None:
    assert both().origins == ("named", "seen", GREET_ORIGIN)
    assert both(Rank.CAPTURE).origins == ("seen", "named", GREET_ORIGIN)


def test_conflicts_of_sources_are_reported() -> None:
    assert [problem.partition(" describes ")[2] for problem in both().problems] == [
        "/shop.v1.Shop/Get differently than named, which is used.",
        "/shop.v1.Shop/Watch differently than named, which is used.",
        "/shop.v1.Shop/Upload differently than named, which is used.",
        "/shop.v1.Shop/Chat differently than named, which is used.",
        "shop.v1.Order differently than named, which is used.",
    ]


def test_a_type_is_taken_from_the_source_of_the_method() -> None:
    data = b"\x0a\x01a"
    assert "id" in read_bytes(data, ORDER, both(), origin="named").value  # type: ignore[operator]  # a dict
    assert "number" in read_bytes(data, ORDER, both(), origin="seen").value  # type: ignore[operator]  # a dict
    assert "id" in read_bytes(data, ORDER, both()).value  # type: ignore[operator]  # a dict


def test_a_source_that_is_switched_off_is_kept_but_not_searched() -> None:
    catalog = both()
    before = catalog.revision
    catalog.switch("named", is_on=False)
    assert catalog.revision > before
    assert catalog.origins == ("seen", GREET_ORIGIN)
    assert (catalog.sources[0].origin, catalog.sources[0].is_on) == ("named", False)
    assert catalog.problems == []
    assert catalog.methods["/shop.v1.Shop/Get"].response_type == "shop.v1.OrderRef"
    catalog.switch(GREET_ORIGIN, is_on=False)
    assert catalog.method("/HelloWorld/greet") is None
    assert catalog.message_class("HelloRequest") is None


def test_a_source_that_is_added_again_keeps_its_place() -> None:
    catalog = both()
    catalog.add(FileDescriptorSet(file=[shop(reply="OrderRef")]), "named")
    assert catalog.origins == ("named", "seen", GREET_ORIGIN)
    assert catalog.methods["/shop.v1.Shop/Get"].response_type == "shop.v1.OrderRef"


def test_an_any_is_opened_by_any_source_with_its_type() -> None:
    other = FileDescriptorProto(name="other.proto", package="o", syntax="proto3")
    other.message_type.add(name="Note").field.add(name="text", number=1, type=9, label=1)
    catalog = both()
    catalog.add(FileDescriptorSet(file=[other]), "other", Rank.CAPTURE)
    note = any_pb2.Any(type_url="x/o.Note", value=b"\x0a\x02hi")
    data = b"\x42" + bytes([note.ByteSize()]) + note.SerializeToString()
    reading: Any = read_bytes(data, ORDER, catalog).value
    assert reading["note"] == {"@type": "x/o.Note", "text": "hi"}


def test_nested_anys_are_bounded() -> None:
    data = b""
    for _ in range(500):
        data = any_pb2.Any(type_url="x/google.protobuf.Any", value=data).SerializeToString()
    assert read_bytes(data, "google.protobuf.Any", Catalog()).value


def test_a_file_without_an_import_that_only_options_need_is_used() -> None:
    file = shop()
    file.dependency.insert(0, "gogoproto/gogo.proto")
    file.public_dependency.append(1)
    catalog = Catalog()
    catalog.add(FileDescriptorSet(file=[file]), "x")
    assert catalog.problems == ["x: shop.proto is used without its imports gogoproto/gogo.proto, which are missing."]
    assert catalog.method("/shop.v1.Shop/Get") is not None


def test_many_problems_are_counted() -> None:
    files = [FileDescriptorProto(name=f"{n}.proto", syntax="proto9") for n in range(50)]
    catalog = Catalog()
    catalog.add(FileDescriptorSet(file=files), "x")
    assert len(catalog.problems) == 21
    assert catalog.problems[-1] == "x: 30 more files have such problems."


def test_an_invalid_map_entry_is_rejected() -> None:
    file = shop()
    file.message_type[0].nested_type[0].field[0].name = "k"
    catalog = Catalog()
    catalog.add(FileDescriptorSet(file=[file]), "x")
    assert "TagsEntry is not a map entry" in catalog.problems[0]


@given(st.binary(max_size=80))
def test_any_descriptors_do_no_harm(data: bytes) -> None:
    catalog = Catalog()
    file = FileDescriptorProto(name="x.proto")
    try:
        file.MergeFromString(data)
    except DecodeError:
        return
    catalog.add(FileDescriptorSet(file=[file]), "x")


# --- files


def write(path: Path, field: str) -> None:
    path.write_text(f'syntax = "proto3"; package p; message M {{ string {field} = 1; }}')


async def test_files_are_read_again_in_their_place(tmp_path: Path) -> None:
    proto = tmp_path / "m.proto"
    write(proto, "old")
    sources, catalog = SchemaSources(proto_files=(proto,)), Catalog()
    await load_files(catalog, sources)
    watch = FileWatch(sources)
    assert not watch.has_changed()
    write(proto, "renamed")
    assert (watch.has_changed(), watch.has_changed()) == (True, False)
    await load_files(catalog, sources)
    assert read_bytes(b"\x0a\x01a", "p.M", catalog).value == {"renamed": "a"}
    assert catalog.origins == ("--proto m.proto", GREET_ORIGIN)


async def test_a_file_that_no_longer_compiles_keeps_the_old_schema(tmp_path: Path) -> None:
    proto = tmp_path / "m.proto"
    write(proto, "old")
    sources, catalog = SchemaSources(proto_files=(proto,)), Catalog()
    await load_files(catalog, sources)
    proto.write_text("message {")
    with pytest.raises(SchemaError, match=r"m\.proto:1"):
        await load_files(catalog, sources)
    assert catalog.message_class("p.M") is not None


async def test_a_change_of_an_import_is_noticed(tmp_path: Path) -> None:
    write(tmp_path / "m.proto", "old")
    proto = tmp_path / "n.proto"
    proto.write_text('syntax = "proto3"; import "m.proto"; message N { p.M m = 1; }')
    watch = FileWatch(SchemaSources(proto_files=(proto,)))
    os.utime(tmp_path / "m.proto", (1, 1))
    assert watch.has_changed()
    (tmp_path / "m.proto").unlink()
    assert watch.has_changed()


async def test_an_invalid_protoset_is_reported(tmp_path: Path) -> None:
    for content, said in (
        (b"", "contains no descriptors"),
        (b"\xff", "is not a descriptor set"),
        (None, "cannot be read"),
    ):
        path = tmp_path / "x.pb"
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(SchemaError, match=said):
            await load_files(Catalog(), SchemaSources(protosets=(path,)))


@pytest.mark.parametrize("reflection", [None, True, False])
async def test_reflection_is_used_unless_files_are_named_or_it_is_switched_off(
    reflection: bool | None, tmp_path: Path, free_port: int
) -> None:
    proto = tmp_path / "m.proto"
    write(proto, "old")
    for files in ((), (proto,)):
        sources, catalog = SchemaSources(proto_files=files, reflection=reflection), Catalog()
        await load_schema(catalog, sources, Target("127.0.0.1", free_port))
        is_asked = reflection if reflection is not None else not files
        assert bool(catalog.problems) == is_asked  # nothing listens there, which is reported


# --- details of a status


def rich(*details: Any) -> str:
    status = status_pb2.Status(code=5, message="gone")
    for each in details:
        status.details.add().Pack(each)
    return base64.b64encode(status.SerializeToString()).decode()


DETAILS = (
    error_details_pb2.ErrorInfo(reason="GONE", domain="shop", metadata={"id": "7"}),
    error_details_pb2.BadRequest(field_violations=[{"field": "id", "description": "must be there"}]),
)
OPENED = [
    {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "GONE",
        "domain": "shop",
        "metadata": {"id": "7"},
    },
    {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "field_violations": [{"field": "id", "description": "must be there", "reason": ""}],
    },
]


@pytest.mark.parametrize("value", [rich(*DETAILS), rich(*DETAILS).rstrip("=")])
def test_a_rich_status_is_opened_without_any_schema(value: str) -> None:
    found = read_status(value, Catalog())
    assert found is not None
    assert (found.code, found.message) == (5, "gone")
    assert list(found.details) == OPENED


@pytest.mark.parametrize("value", ["", "%%", "AAAA", "////", "A"])
def test_invalid_rich_status_is_none(value: str) -> None:
    assert read_status(value, Catalog()) is None


def test_the_details_are_shown_below_the_trailers() -> None:
    talk, catalog = Conversation(), Catalog()
    talk.client(request(1))
    talk.server(
        headers(1, (":status", "200"), ("grpc-status", "5"), (STATUS_DETAILS_HEADER, rich(DETAILS[0])), end=True)
    )
    for lines in (Follow(talk.store, catalog, StreamKey(0, 1)).step(1).body, frame_detail(talk.store, catalog, 1)):
        told = [line.text for line in lines]
        start = told.index("status with 1 detail")
        assert told[start + 1 : start + 4] == ["ErrorInfo", "{", '"reason": "GONE",']
    assert call_object(talk.store, catalog, StreamKey(0, 1))["status_details"] == [OPENED[0]]


@pytest.mark.system
async def test_the_details_come_through_a_capture(tmp_path: Path) -> None:
    wire = Wire()
    wire.begin()
    wire.client(wire.headers(Side.CLIENT, 1, (":method", "POST"), (":path", "/a.B/C"), end=True))
    said = ((":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "5"))
    wire.server(wire.headers(Side.SERVER, 1, *said, (STATUS_DETAILS_HEADER, rich(DETAILS[0]).rstrip("=")), end=True))
    store = await read_store(wire.write(tmp_path / "x.pcap"), SERVER.port)
    assert call_object(store, Catalog(), StreamKey(0, 1))["status_details"] == [OPENED[0]]
