"""Descriptor pools from file descriptor sets, whatever order, gaps and faults these have.

A set from protoc is complete and in order; one from a reflection server, or put together from a capture, may be
neither, and may lie. Google's own files are taken from the installation, so that their types are what their names
say; a file whose imports are missing is tried without them; one that cannot be built is left out and told.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from google.protobuf.descriptor import FileDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

_MAX_IMPORT_DEPTH: Final = 256
"""A lying reflection server may send imports that go round or on for ever."""
_GOOGLE: Final = re.compile(r"google/(protobuf|rpc|api|type)(/[a-z0-9_]+)+\.proto")
_WHAT_FAILED: Final = "Couldn't build proto file into descriptor pool: "


@dataclass(slots=True)
class BuiltPool:
    """A pool with what it holds, and why it does not hold the rest."""

    pool: DescriptorPool = field(default_factory=DescriptorPool)
    files: list[FileDescriptor] = field(default_factory=list)
    """The source's own, without Google's."""
    methods: list[MethodDescriptor] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def build_pool(files: FileDescriptorSet) -> BuiltPool:
    """A pool of all files that can be built, each after the files that it imports."""
    built = BuiltPool()
    pending = {file.name: file for file in files.file}
    begun: set[str] = set()
    done: set[str] = set()
    for name in pending:
        for file in _in_order(name, pending, begun, 0):
            if _add(built, file, done):
                done.add(file.name)
    return built


def _in_order(
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
        yield from _in_order(wanted, pending, begun, depth + 1)
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
        built.pool.Add(_without(file, missing) if missing else file)
        found = built.pool.FindFileByName(file.name)
    except (TypeError, KeyError, ValueError) as error:
        built.problems.append(f"{file.name} cannot be used: {_cause(error, missing)}.")
        return False
    if missing:
        built.problems.append(f"{file.name} is used without its imports {', '.join(missing)}, which are not there.")
    if not file.name.startswith("google/protobuf/"):
        built.files.append(found)
    for service in found.services_by_name.values():
        built.methods.extend(service.methods)
    return True


def _check_maps(message: DescriptorProto) -> None:
    """Refuse what calls itself a map's entry and is none: protobuf takes it, and reads it as it likes."""
    entries = set()
    for inner in message.nested_type:
        if inner.options.map_entry:
            entries.add(inner.name)
            if [(each.name, each.number) for each in inner.field] != [("key", 1), ("value", 2)]:
                raise ValueError(f"{inner.name} is no entry of a map")
        _check_maps(inner)
    for each in message.field:
        owner, _, name = each.type_name.rpartition(".")
        is_own = name in entries and owner.rpartition(".")[2] == message.name
        if is_own and each.label != FieldDescriptorProto.LABEL_REPEATED:
            raise ValueError(f"the map {message.name}.{each.name} is not repeated")


def _without(file: FileDescriptorProto, missing: list[str]) -> FileDescriptorProto:
    """The file without imports that nobody has: often only options came from there."""
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
    words = str(error.args[0] if error.args else error).removeprefix(_WHAT_FAILED).rstrip(".")
    return f"{words}; its imports {', '.join(missing)} are not there" if missing else words
