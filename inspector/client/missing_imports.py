"""Adds to reflected files the imports that their servers left out.

grpc-js makes up one file for each package and writes no imports into them; protobuf refuses such files. Only what the
files use of each other is added, and only where that makes no circle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)


def add_missing_imports(files: Iterable[FileDescriptorProto]) -> None:
    """Complete the imports of the files, in place."""
    all_files = {file.name: file for file in files}
    homes = {name: file.name for file in all_files.values() for name in _defined(file)}
    for file in all_files.values():
        used = {homes[name] for name in _used(file) if name in homes} - {file.name, *file.dependency}
        for home in sorted(used):
            if file.name not in _reached(all_files[home], all_files):
                file.dependency.append(home)


def _reached(file: FileDescriptorProto, files: dict[str, FileDescriptorProto]) -> set[str]:
    """The names of all files that a file imports, directly or by others."""
    found: set[str] = set()
    waiting = [*file.dependency]
    while waiting:
        name = waiting.pop()
        if name not in found and name in files:
            found.add(name)
            waiting.extend(files[name].dependency)
    return found


def _defined(file: FileDescriptorProto) -> Iterator[str]:
    prefix = f"{file.package}." if file.package else ""
    yield from _defined_in(prefix, file.message_type, file.enum_type)


def _defined_in(
    prefix: str, messages: Iterable[DescriptorProto], enums: Iterable[EnumDescriptorProto]
) -> Iterator[str]:
    for enum in enums:
        yield prefix + enum.name
    for message in messages:
        yield prefix + message.name
        yield from _defined_in(f"{prefix}{message.name}.", message.nested_type, message.enum_type)


def _used(file: FileDescriptorProto) -> Iterator[str]:
    """The full names of types that are referred to; those given relative to a scope are left out."""
    names = [
        name for each in file.service for method in each.method for name in (method.input_type, method.output_type)
    ]
    names.extend(
        name for field in _fields(file.extension, file.message_type) for name in (field.type_name, field.extendee)
    )
    return (name.lstrip(".") for name in names)


def _fields(
    extensions: Iterable[FieldDescriptorProto], messages: Iterable[DescriptorProto]
) -> Iterator[FieldDescriptorProto]:
    yield from extensions
    for message in messages:
        yield from message.field
        yield from _fields(message.extension, message.nested_type)
