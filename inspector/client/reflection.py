"""Requests a service's schema by server reflection (grpc.reflection.v1 and v1alpha)."""

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

from inspector.client.failure import Attempt, explain
from inspector.client.options import (
    PLAINTEXT,
    Address,
    CallSettings,
    ConnectionOptions,
    Metadata,
    check_metadata,
)
from inspector.client.outcome import TIMED_OUT, CallError
from inspector.client.tls import examined
from inspector.errors import SchemaError
from inspector.model.call import CallKind


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


_PATHS: Final = (
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
)
_UNIMPLEMENTED: Final = 12
_T = TypeVar("_T")
_Ask: TypeAlias = Callable[[bytes], Awaitable[bytes | None]]


async def fetch(
    target: str, *, deadline: float = 5.0, metadata: Metadata = (), options: ConnectionOptions = PLAINTEXT
) -> FileDescriptorSet | None:
    """The files of every service at HOST:PORT and all that they import; None without reflection.

    `deadline` is in seconds, for all of it; `metadata` goes with every question. Raises ServiceError when the service
    cannot be reached or refuses, SchemaError for an answer that makes no sense, RequestError for metadata or TLS
    files that cannot be used.
    """
    return await _ask(target, CallSettings(check_metadata(metadata), deadline), options, _read_files)


async def list_services(
    target: str, *, deadline: float = 5.0, metadata: Metadata = (), options: ConnectionOptions = PLAINTEXT
) -> frozenset[str] | None:
    """The full names of the services at HOST:PORT; None without reflection. Raises as `fetch`."""
    return await _ask(target, CallSettings(check_metadata(metadata), deadline), options, _read_names)


class _Asking:
    """Questions to one service, in the messages of reflection.

    The method is bidirectional, but each question is a call of its own: a stream that the service refuses while
    something is being written to it ends, in grpcio, with an error that hides the refusal.
    """

    def __init__(self, ask: _Ask) -> None:
        self._ask = ask

    async def answer(self, **question: str) -> Any:
        """The answer to a question. Any: the classes of grpcio-reflection have no types."""
        reply = await self._ask(ServerReflectionRequest(**question).SerializeToString())
        if reply is None:
            raise SchemaError("The service broke off its reflection answer.", _CURE)
        try:
            return ServerReflectionResponse.FromString(reply)
        except DecodeError as error:
            raise SchemaError("The service's reflection answer cannot be read.", _CURE) from error

    async def files(self, **question: str) -> tuple[FileDescriptorProto, ...]:
        """The files that answer a question; none for one that the service cannot answer."""
        found = (await self.answer(**question)).file_descriptor_response
        try:
            return tuple(map(FileDescriptorProto.FromString, found.file_descriptor_proto))
        except DecodeError as error:
            raise SchemaError("The service's own schema cannot be read.", _CURE) from error


async def _ask(
    target: str, settings: CallSettings, options: ConnectionOptions, read: Callable[[_Asking], Awaitable[_T]]
) -> _T | None:
    from inspector.client.channel import ask as ask_stream  # noqa: PLC0415 - loads gRPC
    from inspector.client.channel import connect, open_channel  # noqa: PLC0415 - see there

    clock = asyncio.get_running_loop().time
    seconds = settings.seconds(CallKind.UNARY)
    end = clock() + seconds
    address = Address.parse(target)
    # What a reply may have is asked of calls: a schema is as large as it is.
    channel = await open_channel(address, replace(options, largest_message=None))

    async def ask(path: str, question: bytes) -> bytes | None:
        return await ask_stream(channel, path, question, replace(settings, deadline=max(0.0, end - clock())))

    attempt = Attempt(str(address), deadline=seconds, is_secure=options.security is not None)
    try:
        await connect(channel, seconds)  # a step of its own: who waits in vain learns for what
        for path in _PATHS:
            try:
                return await read(_Asking(partial(ask, path)))
            except CallError as error:
                if error.status.code != _UNIMPLEMENTED:
                    status = await examined(error.status, address, options)
                    raise explain(status, attempt._replace(path=path)) from error
    except TimeoutError as error:
        raise explain(TIMED_OUT, attempt._replace(connected=False)) from error
    finally:
        await channel.close()
    return None


async def _read_names(asking: _Asking) -> frozenset[str]:
    answer = await asking.answer(list_services="")
    if answer.HasField("error_response"):
        raise SchemaError(f"The service does not list its services: {answer.error_response.error_message}", _CURE)
    return frozenset(each.name for each in answer.list_services_response.service)


async def _read_files(asking: _Asking) -> FileDescriptorSet:
    files: dict[str, FileDescriptorProto] = {}
    for name in sorted(await _read_names(asking)):
        _keep(files, await asking.files(file_containing_symbol=name))
    asked: set[str] = set()
    while missing := _imports(files.values()) - files.keys() - asked:
        for name in sorted(missing):
            asked.add(name)
            _keep(files, await asking.files(file_by_filename=name))
    add_missing_imports(files.values())
    return FileDescriptorSet(file=files.values())


def _keep(files: dict[str, FileDescriptorProto], found: Iterable[FileDescriptorProto]) -> None:
    for file in found:
        files.setdefault(file.name, file)


def _imports(files: Iterable[FileDescriptorProto]) -> set[str]:
    return {name for file in files for name in file.dependency}


_CURE: Final = "Give the schema with --proto or --protoset; --no-reflection leaves reflection out."
