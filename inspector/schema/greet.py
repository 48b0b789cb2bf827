"""The greet service's own schema: what `proto/` says, always known without any option."""

from __future__ import annotations

from typing import Final

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from sample_service import helloworld_pb2, sample_pb2

GREET_METHOD: Final = "/HelloWorld/greet"


def greet_files() -> FileDescriptorSet:
    """The descriptors of helloworld.proto and sample.proto, as protoc would write them."""
    modules = (helloworld_pb2, sample_pb2)
    return FileDescriptorSet(file=[FileDescriptorProto.FromString(each.DESCRIPTOR.serialized_pb) for each in modules])
