"""The greet service's own schema: what `proto/helloworld.proto` says, always known without any option."""

from __future__ import annotations

from typing import Final

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from sample_service import helloworld_pb2

GREET_METHOD: Final = "/HelloWorld/greet"


def greet_files() -> FileDescriptorSet:
    """The descriptor of helloworld.proto, as protoc would write it."""
    file = FileDescriptorProto.FromString(helloworld_pb2.DESCRIPTOR.serialized_pb)
    return FileDescriptorSet(file=[file])
