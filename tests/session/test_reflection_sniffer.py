"""Reflection replies in a capture extend the catalog, and hostile ones do no harm."""

from __future__ import annotations

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha.reflection_pb2 import FileDescriptorResponse, ServerReflectionResponse
from hypothesis import given
from hypothesis import strategies as st

from inspector.schema.catalog import GREET_ORIGIN, Catalog
from inspector.session.schema import ORIGIN, ReflectionSniffer
from tests.conversation import Conversation, data, prefixed, request, response, trailers
from tests.schema.test_decode import shop

INFO = "/grpc.reflection.{}.ServerReflection/ServerReflectionInfo"


def answer(*files: bytes) -> bytes:
    told = FileDescriptorResponse(file_descriptor_proto=files)
    return bytes(ServerReflectionResponse(file_descriptor_response=told).SerializeToString())


def learn(*answers: bytes, version: str = "v1") -> tuple[Catalog, list[bool]]:
    """A reflection call with these answers, seen one after the other."""
    seen, catalog = Conversation(), Catalog()
    reflection = ReflectionSniffer(seen.store, catalog)
    seen.client(request(1, INFO.format(version)))
    seen.server(response(1))
    news = [reflection.update(seen.server(data(1, prefixed(each)))) for each in answers]
    reflection.update(seen.server(trailers(1)))
    return catalog, news


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection_replies_extend_the_catalog(version: str) -> None:
    catalog, news = learn(answer(shop().SerializeToString()), version=version)
    assert news == [True]
    assert catalog.origins == (ORIGIN, GREET_ORIGIN)
    assert catalog.methods["/shop.v1.Shop/Get"].origin == ORIGIN


def test_files_of_several_replies_are_combined() -> None:
    common = FileDescriptorProto(name="common.proto", package="c", syntax="proto3")
    common.message_type.add(name="Name")
    api = FileDescriptorProto(name="api.proto", package="a", syntax="proto3", dependency=["common.proto"])
    api.message_type.add(name="Who").field.add(name="name", number=1, type=11, label=1, type_name=".c.Name")
    catalog, news = learn(answer(api.SerializeToString()), answer(common.SerializeToString()), answer())
    assert news == [True, True, False]
    assert catalog.problems == []
    assert catalog.message_class("a.Who") is not None


def test_a_repeated_reply_changes_nothing() -> None:
    file = answer(shop().SerializeToString())
    assert learn(file, file)[1] == [True, False]


def test_replies_of_other_methods_are_ignored() -> None:
    seen, catalog = Conversation(), Catalog()
    reflection = ReflectionSniffer(seen.store, catalog)
    seen.client(request(1, "/x.Y/Z"))
    seen.server(response(1))
    assert not reflection.update(seen.server(data(1, prefixed(answer(shop().SerializeToString())))))


def test_false_files_of_google_types_are_ignored() -> None:
    lie = FileDescriptorProto(name="google/protobuf/timestamp.proto", package="google.protobuf", syntax="proto3")
    lie.message_type.add(name="Timestamp").field.add(name="seconds", number=1, type=9, label=1)
    catalog, _ = learn(answer(lie.SerializeToString(), shop().SerializeToString()))
    found = catalog.message_class("google.protobuf.Timestamp")
    assert found is not None
    assert [field.name for field in found.DESCRIPTOR.fields] == ["seconds", "nanos"]


def test_the_number_of_files_is_bounded() -> None:
    files = [FileDescriptorProto(name=f"{index}.proto").SerializeToString() for index in range(5_000)]
    catalog, _ = learn(*(answer(*files[start : start + 100]) for start in range(0, 5_000, 100)))
    assert len(catalog.sources[0].built.files) == 4_000


@given(st.lists(st.binary(max_size=60) | st.binary(max_size=60).map(answer), max_size=4))
def test_arbitrary_replies_never_raise(answers: list[bytes]) -> None:
    catalog, _ = learn(*answers)
    assert catalog.method("/HelloWorld/greet") is not None
