"""Descriptor pools from file descriptor sets, whatever order, gaps and faults these have.

A set from protoc is complete and in order; one from a reflection server may be neither. Files that it lacks are taken
from the well-known ones that are installed (`google/…`); a file that still cannot be built is left out and told.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

_MAX_IMPORT_DEPTH = 256
"""A lying reflection server may send imports that go round or on for ever."""


@dataclass(slots=True)
class BuiltPool:
    """A pool with what it holds, and why it does not hold the rest."""

    pool: DescriptorPool = field(default_factory=DescriptorPool)
    methods: list[MethodDescriptor] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def build_pool(files: FileDescriptorSet) -> BuiltPool:
    """A pool of all files that can be built, each after the files that it imports."""
    built = BuiltPool()
    pending = {file.name: file for file in files.file}
    added: set[str] = set()
    for name in tuple(pending):
        for file in _in_order(name, pending, added, 0):
            _add(built, file)
    return built


def _in_order(
    name: str, pending: dict[str, FileDescriptorProto], added: set[str], depth: int
) -> Iterator[FileDescriptorProto]:
    if name in added or depth > _MAX_IMPORT_DEPTH:
        return
    added.add(name)
    file = pending.get(name) or _installed(name)
    if file is None:
        return
    for wanted in file.dependency:
        yield from _in_order(wanted, pending, added, depth + 1)
    yield file


def _installed(name: str) -> FileDescriptorProto | None:
    if not name.startswith(("google/protobuf/", "google/rpc/", "google/api/", "google/type/")):
        return None
    try:
        module = importlib.import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2")
    except ImportError:
        return None
    return FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb)


def _add(built: BuiltPool, file: FileDescriptorProto) -> None:
    try:
        built.pool.Add(file)
        found = built.pool.FindFileByName(file.name)
    except (TypeError, KeyError) as error:
        built.problems.append(f"{file.name} cannot be used: {error}")
        return
    for service in found.services_by_name.values():
        built.methods.extend(service.methods)
