"""Builds descriptor pools from file sets, and compares what several sources describe."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from typing import Final, TypeAlias

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FileDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

_MAX_IMPORT_DEPTH: Final = 256
"""A hostile reflection server may send endless or circular imports."""
_GOOGLE: Final = re.compile(r"google/(protobuf|rpc|api|type)(/[a-z0-9_]+)+\.proto")
_WHAT_FAILED: Final = "Couldn't build proto file into descriptor pool: "


@dataclass(slots=True)
class BuiltPool:
    """A descriptor pool, its contents, and why some files are missing."""

    pool: DescriptorPool = field(default_factory=DescriptorPool)
    files: list[FileDescriptor] = field(default_factory=list)
    """Those of the source, without Google's."""
    methods: list[MethodDescriptor] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def build_pool(files: FileDescriptorSet) -> BuiltPool:
    """Build a pool of all usable files, imports first."""
    built = BuiltPool()
    pending = {file.name: file for file in files.file}
    begun: set[str] = set()
    done: set[str] = set()
    for name in pending:
        for file in _imports_first(name, pending, begun, 0):
            if _add(built, file, done):
                done.add(file.name)
    return built


def _imports_first(
    name: str, pending: dict[str, FileDescriptorProto], begun: set[str], depth: int
) -> Iterator[FileDescriptorProto]:
    if name in begun or depth > _MAX_IMPORT_DEPTH:
        return
    begun.add(name)
    file = pending.get(name)
    if file is None or name.startswith("google/protobuf/"):
        file = _installed(name) or file
    if file is None:
        return
    for wanted in file.dependency:
        yield from _imports_first(wanted, pending, begun, depth + 1)
    yield file


def _installed(name: str) -> FileDescriptorProto | None:
    if not _GOOGLE.fullmatch(name):
        return None
    try:
        module = importlib.import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2")
    except ImportError:
        return None
    return FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb)


def _add(built: BuiltPool, file: FileDescriptorProto, done: set[str]) -> bool:
    missing = [name for name in file.dependency if name not in done]
    try:
        for message in file.message_type:
            _check_maps(message)
        built.pool.Add(_without_imports(file, missing) if missing else file)
        found = built.pool.FindFileByName(file.name)
    except (TypeError, KeyError, ValueError) as error:
        built.problems.append(f"{file.name} cannot be used: {_cause(error, missing)}.")
        return False
    if missing:
        built.problems.append(f"{file.name} is used without its imports {', '.join(missing)}, which are missing.")
    if not file.name.startswith("google/protobuf/"):
        built.files.append(found)
    for service in found.services_by_name.values():
        built.methods.extend(service.methods)
    return True


def _check_maps(message: DescriptorProto) -> None:
    """Reject a map entry with other fields than key and value, which protobuf accepts and reads unpredictably.

    Raises:
        ValueError: when a map is not one.
    """
    entries = set()
    for inner in message.nested_type:
        if inner.options.map_entry:
            entries.add(inner.name)
            if [(each.name, each.number) for each in inner.field] != [("key", 1), ("value", 2)]:
                raise ValueError(f"{inner.name} is not a map entry")
        _check_maps(inner)
    for each in message.field:
        owner, _, name = each.type_name.rpartition(".")
        is_own = name in entries and owner.rpartition(".")[2] == message.name
        if is_own and each.label != FieldDescriptorProto.LABEL_REPEATED:
            raise ValueError(f"the map {message.name}.{each.name} is not repeated")


def _without_imports(file: FileDescriptorProto, missing: list[str]) -> FileDescriptorProto:
    """Return a file without missing imports; often only options came from them."""
    kept = FileDescriptorProto()
    kept.CopyFrom(file)
    names = [name for name in file.dependency if name not in missing]
    public = [names.index(file.dependency[index]) for index in file.public_dependency if _is_kept(file, index, names)]
    for part in ("dependency", "public_dependency", "weak_dependency"):
        kept.ClearField(part)
    kept.dependency.extend(names)
    kept.public_dependency.extend(public)
    return kept


def _is_kept(file: FileDescriptorProto, index: int, names: list[str]) -> bool:
    return 0 <= index < len(file.dependency) and file.dependency[index] in names


def _cause(error: Exception, missing: list[str]) -> str:
    cause = str(error.args[0] if error.args else error).removeprefix(_WHAT_FAILED).rstrip(".")
    return f"{cause}; its imports {', '.join(missing)} are missing" if missing else cause


_GOOGLE_TYPES: Final = (
    *(f"protobuf/{name}" for name in ("any", "duration", "empty", "field_mask", "struct", "timestamp", "wrappers")),
    *(f"rpc/{name}" for name in ("status", "error_details", "code")),
)


@lru_cache(maxsize=1)
def common_types() -> BuiltPool:
    """Return the pool of Google's types and gRPC's services."""
    wanted = FileDescriptorProto(name="common.proto", dependency=[f"google/{name}.proto" for name in _GOOGLE_TYPES])
    return build_pool(FileDescriptorSet(file=[wanted, *_grpc_files()]))


def _grpc_files() -> tuple[FileDescriptorProto, ...]:
    from grpc_health.v1 import health_pb2  # noqa: PLC0415 - only an unknown type needs them
    from grpc_reflection.v1alpha import reflection_pb2  # noqa: PLC0415

    health = FileDescriptorProto.FromString(health_pb2.DESCRIPTOR.serialized_pb)
    reflection = FileDescriptorProto.FromString(reflection_pb2.DESCRIPTOR.serialized_pb)
    return health, reflection, _as_v1(reflection)


def _as_v1(alpha: FileDescriptorProto) -> FileDescriptorProto:
    """Return grpc.reflection.v1, which is not installed; its messages are those of v1alpha."""
    file = FileDescriptorProto(
        name="grpc/reflection/v1/reflection.proto", package="grpc.reflection.v1", syntax="proto3"
    )
    file.message_type.extend(alpha.message_type)
    file.service.extend(alpha.service)
    for each in (each for message in file.message_type for each in message.field if each.type_name):
        each.type_name = _as_v1_name(each.type_name)
    for method in (method for service in file.service for method in service.method):
        method.input_type, method.output_type = _as_v1_name(method.input_type), _as_v1_name(method.output_type)
    return file


def _as_v1_name(type_name: str) -> str:
    return type_name.replace(".v1alpha.", ".v1.")


_MAX_PROBLEMS: Final = 20


class Rank(IntEnum):
    """Search order: what the user named before what a service or a capture provides."""

    PROTO = 0
    PROTOSET = 1
    REFLECTION = 2
    CAPTURE = 3
    """Reflection responses in the capture."""
    OWN = 4
    """The greet service's schema."""


@dataclass(frozen=True, slots=True)
class Source:
    """A source with everything that could be built from it."""

    origin: str
    """Its name, such as `--protoset api.pb`."""
    rank: Rank
    built: BuiltPool = field(repr=False)
    is_on: bool = True
    """False while it is switched off: kept, but not searched."""

    @classmethod
    def of(cls, origin: str, rank: Rank, files: FileDescriptorSet) -> Source:
        """Build a source from its files."""
        return cls(origin, rank, build_pool(files))

    @property
    def methods(self) -> int:
        """The number of methods."""
        return len(self.built.methods)

    @property
    def problems(self) -> list[str]:
        """What could not be used, as sentences that name the source."""
        shown, more = self.built.problems[:_MAX_PROBLEMS], len(self.built.problems) - _MAX_PROBLEMS
        if more > 0:
            shown.append(f"{more:,} more files have such problems.")
        return [f"{self.origin}: {sentence}" for sentence in shown]


_Shape: TypeAlias = tuple[object, ...]


def differences(sources: Sequence[Source]) -> Iterator[str]:
    """Yield a sentence for each type that two sources describe differently."""
    known: dict[str, tuple[str, Descriptor | EnumDescriptor]] = {}
    if len(sources) < 2:
        return
    for source in sources:
        for found in _types(source.built):
            first, other = known.setdefault(found.full_name, (source.origin, found))
            if first != source.origin and _shape(found) != _shape(other):
                yield f"{source.origin} describes {found.full_name} differently than {first}, which is used."


def _types(built: BuiltPool) -> Iterator[Descriptor | EnumDescriptor]:
    for file in built.files:
        yield from file.enum_types_by_name.values()
        for message in file.message_types_by_name.values():
            yield from _with_nested(message)


def _with_nested(message: Descriptor) -> Iterator[Descriptor | EnumDescriptor]:
    yield message
    yield from message.enum_types
    for inner in message.nested_types:
        yield from _with_nested(inner)


def message_types(source: Source) -> Iterator[str]:
    """Yield the full names of a source's messages, without map entries."""
    for found in _types(source.built):
        if isinstance(found, Descriptor) and not (found.has_options and found.GetOptions().map_entry):
            yield found.full_name


def _shape(found: Descriptor | EnumDescriptor) -> _Shape:
    """Return the properties of a type that decide how it is decoded."""
    if isinstance(found, EnumDescriptor):
        return tuple(sorted((value.number, value.name) for value in found.values))
    return tuple(
        sorted(
            (
                field.number,
                field.name,
                field.type,
                field.is_repeated,
                field.message_type.full_name if field.message_type else "",
                field.enum_type.full_name if field.enum_type else "",
            )
            for field in found.fields
        )
    )
