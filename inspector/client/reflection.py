"""Requests the schema of a service by server reflection (grpc.reflection.v1 and v1alpha)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

from inspector.client.active_call import TIMED_OUT, CallError
from inspector.client.failure import Attempt, explain
from inspector.client.options import (
    PLAINTEXT,
    Address,
    CallSettings,
    ConnectionOptions,
    Metadata,
    check_metadata,
)
from inspector.client.tls import explained
from inspector.errors import SchemaError
from inspector.model.call import CallKind


def add_missing_imports(files: Iterable[FileDescriptorProto]) -> None:
    """Add imports that the files need and do not list, in place.

    grpc-js leaves them out of its files, and a descriptor pool rejects such files.
    """
    all_files = {file.name: file for file in files}
    homes = {name: file.name for file in all_files.values() for name in _defined(file)}
    for file in all_files.values():
        used = {homes[name] for name in _used(file) if name in homes} - {file.name, *file.dependency}
        for home in sorted(used):
            if file.name not in _reached(all_files[home], all_files):
                file.dependency.append(home)


def _reached(file: FileDescriptorProto, files: dict[str, FileDescriptorProto]) -> set[str]:
    """Return the names of all files that a file imports, directly or indirectly."""
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
    """Return the full names of the types that a file refers to."""
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


_PATHS: Final = (
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
)
_UNIMPLEMENTED: Final = 12
_T = TypeVar("_T")
_Send: TypeAlias = Callable[[bytes], Awaitable[bytes | None]]


async def fetch(
    target: str, *, deadline: float = 5.0, metadata: Metadata = (), options: ConnectionOptions = PLAINTEXT
) -> FileDescriptorSet | None:
    """Return the files of every service at an address, and their imports; None if it has no reflection.

    `deadline` is in seconds, for all requests together; `metadata` is sent with each of them.

    Raises:
        ServiceError: the service cannot be reached, or rejects the request.
        SchemaError: the reply is invalid.
        RequestError: metadata or TLS files cannot be used.
    """
    return await _run(target, CallSettings(check_metadata(metadata), deadline), options, _read_files)


async def list_services(
    target: str, *, deadline: float = 5.0, metadata: Metadata = (), options: ConnectionOptions = PLAINTEXT
) -> frozenset[str] | None:
    """Return the full names of the services at an address; None if it has no reflection. Raises as `fetch`."""
    return await _run(target, CallSettings(check_metadata(metadata), deadline), options, _read_names)


class _Reflection:
    """The reflection service at one address.

    The method is bidirectional, but each request is a call of its own: if the service rejects a stream while a message
    is being written to it, grpcio reports an error that hides the rejection.
    """

    def __init__(self, send: _Send) -> None:
        self._send = send

    async def request(self, **request: str) -> Any:
        """Send one request and return the reply. Any: the classes of grpcio-reflection have no types."""
        reply = await self._send(ServerReflectionRequest(**request).SerializeToString())
        if reply is None:
            raise SchemaError("The service ended the reflection call without a reply.", _HINT)
        try:
            return ServerReflectionResponse.FromString(reply)
        except DecodeError as error:
            raise SchemaError("The reflection reply of the service is invalid.", _HINT) from error

    async def files(self, **request: str) -> tuple[FileDescriptorProto, ...]:
        """Return the files for one request; none if the service does not have them."""
        found = (await self.request(**request)).file_descriptor_response
        try:
            return tuple(map(FileDescriptorProto.FromString, found.file_descriptor_proto))
        except DecodeError as error:
            raise SchemaError("The schema that the service returns is invalid.", _HINT) from error


async def _run(
    target: str, settings: CallSettings, options: ConnectionOptions, read: Callable[[_Reflection], Awaitable[_T]]
) -> _T | None:
    from inspector.client.channel import call_unary, connect, open_channel  # noqa: PLC0415 - loads grpc

    clock = asyncio.get_running_loop().time
    seconds = settings.seconds(CallKind.UNARY)
    end = clock() + seconds
    address = Address.parse(target)
    # --max-message-size is about calls, and not about the schema.
    channel = await open_channel(address, replace(options, largest_message=None))

    async def send(path: str, request: bytes) -> bytes | None:
        return await call_unary(channel, path, request, replace(settings, deadline=max(0.0, end - clock())))

    attempt = Attempt(str(address), deadline=seconds, is_secure=options.security is not None)
    try:
        await connect(channel, seconds)  # a timeout here is one of the connection
        for path in _PATHS:
            try:
                return await read(_Reflection(partial(send, path)))
            except CallError as error:
                if error.status.code != _UNIMPLEMENTED:
                    status = await explained(error.status, address, options)
                    raise explain(status, attempt._replace(path=path)) from error
    except TimeoutError as error:
        raise explain(TIMED_OUT, attempt._replace(connected=False)) from error
    finally:
        await channel.close()
    return None


async def _read_names(reflection: _Reflection) -> frozenset[str]:
    reply = await reflection.request(list_services="")
    if reply.HasField("error_response"):
        raise SchemaError(f"The service does not list its services: {reply.error_response.error_message}", _HINT)
    return frozenset(each.name for each in reply.list_services_response.service)


async def _read_files(reflection: _Reflection) -> FileDescriptorSet:
    files: dict[str, FileDescriptorProto] = {}
    for name in sorted(await _read_names(reflection)):
        _add(files, await reflection.files(file_containing_symbol=name))
    requested: set[str] = set()
    while missing := _imports(files.values()) - files.keys() - requested:
        for name in sorted(missing):
            requested.add(name)
            _add(files, await reflection.files(file_by_filename=name))
    add_missing_imports(files.values())
    return FileDescriptorSet(file=files.values())


def _add(files: dict[str, FileDescriptorProto], found: Iterable[FileDescriptorProto]) -> None:
    for file in found:
        files.setdefault(file.name, file)


def _imports(files: Iterable[FileDescriptorProto]) -> set[str]:
    return {name for file in files for name in file.dependency}


_HINT: Final = "Pass the schema with --proto or --protoset, and turn reflection off with --no-reflection."
