"""The types that need no schema: well-known ones, those of rich errors, and gRPC's own services.

Health and reflection calls are in nearly every capture, and hardly any service describes them. Loaded when they are
first asked for.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from inspector.schema.pools import BuiltPool, build_pool

_GOOGLE: Final = (
    *(f"protobuf/{name}" for name in ("any", "duration", "empty", "field_mask", "struct", "timestamp", "wrappers")),
    *(f"rpc/{name}" for name in ("status", "error_details", "code")),
)


@lru_cache(maxsize=1)
def common_types() -> BuiltPool:
    """The pool of them all."""
    wanted = FileDescriptorProto(name="common.proto", dependency=[f"google/{name}.proto" for name in _GOOGLE])
    return build_pool(FileDescriptorSet(file=[wanted, *_of_grpc()]))


def _of_grpc() -> tuple[FileDescriptorProto, ...]:
    from grpc_health.v1 import health_pb2  # noqa: PLC0415 - see above
    from grpc_reflection.v1alpha import reflection_pb2  # noqa: PLC0415

    health = FileDescriptorProto.FromString(health_pb2.DESCRIPTOR.serialized_pb)
    reflection = FileDescriptorProto.FromString(reflection_pb2.DESCRIPTOR.serialized_pb)
    return health, reflection, _as_v1(reflection)


def _as_v1(alpha: FileDescriptorProto) -> FileDescriptorProto:
    """grpc.reflection.v1, which says the same under another name and is not installed."""
    file = FileDescriptorProto(
        name="grpc/reflection/v1/reflection.proto", package="grpc.reflection.v1", syntax="proto3"
    )
    file.message_type.extend(alpha.message_type)
    file.service.extend(alpha.service)
    for field in (field for message in file.message_type for field in message.field if field.type_name):
        field.type_name = _renamed(field.type_name)
    for method in (method for service in file.service for method in service.method):
        method.input_type, method.output_type = _renamed(method.input_type), _renamed(method.output_type)
    return file


def _renamed(type_name: str) -> str:
    return type_name.replace(".v1alpha.", ".v1.")
