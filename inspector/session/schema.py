"""Fills the catalog from .proto files, descriptor sets, reflection, and reflection seen in a capture."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.message import DecodeError

from inspector.capture.source import Target
from inspector.client.options import PLAINTEXT, ConnectionOptions, Metadata
from inspector.errors import SchemaError, ServiceError
from inspector.model.call import Call, CallState, StreamKey
from inspector.schema.catalog import Catalog
from inspector.schema.sources import Rank
from inspector.schema.wire import WireError, WireType, fields
from inspector.store.store import Change, Store

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorSet

ORIGIN: Final = "reflection seen in the capture"

_METHODS: Final = frozenset(
    f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo" for version in ("v1", "v1alpha")
)
_FILE_DESCRIPTOR_RESPONSE: Final = 4
"""The field of ServerReflectionResponse (grpc/reflection/v1/reflection.proto) that holds files."""
_MAX_FILES: Final = 4_000
"""All of Google's public APIs are about twice as many; a service has hundreds at most."""
_MAX_BYTES: Final = 8 * 1024 * 1024
"""Building them takes a little more than a second."""
_EAGER_BYTES: Final = 32 * 1024 * 1024
"""The catalog is rebuilt with each reply until so many bytes were built in all, and then only for a tenth more, or at
the end of a call."""
_MAX_ENDINGS: Final = 10
"""How many ends of calls lead to a rebuild."""


class ReflectionSniffer:
    """Adds the files in captured reflection replies to a catalog. Call `update` with every change, in order."""

    def __init__(self, store: Store, catalog: Catalog) -> None:
        self._store, self._catalog = store, catalog
        self._files: dict[str, FileDescriptorProto] = {}
        self._bytes = 0
        self._read: dict[StreamKey, int] = {}
        """By call: how many of its replies were read."""
        self._cataloged = self._built = self._endings = 0
        """Bytes in the catalog, bytes built in all, and ends of calls that led to a rebuild."""

    def update(self, change: Change) -> bool:
        """Read the new replies of reflection calls; return True when the catalog has grown."""
        for key in change.evicted:
            self._read.pop(key, None)
        calls = [self._store.calls[key] for key in change.calls if self._store.calls[key].method in _METHODS]
        for call in sorted(calls, key=lambda call: call.started):
            self._read_replies(call)
        growth = self._bytes - self._cataloged
        is_over = any(call.state is not CallState.OPEN for call in calls)
        if not growth or not self._is_due(growth, is_over=is_over):
            return False
        self._built += self._bytes
        self._cataloged = self._bytes
        self._catalog.add(FileDescriptorSet(file=self._files.values()), ORIGIN, Rank.CAPTURE)
        return True

    def _is_due(self, growth: int, *, is_over: bool) -> bool:
        if self._built < _EAGER_BYTES or growth >= self._cataloged // 10:
            return True
        self._endings += is_over
        return is_over and self._endings <= _MAX_ENDINGS

    def _read_replies(self, call: Call) -> None:
        start = self._read.get(call.key, 0)
        for reply in call.responses[start:]:
            for file in _files_in(reply.data or b""):
                self._add(file)
        self._read[call.key] = len(call.responses)

    def _add(self, data: bytes) -> None:
        """Add a file if its name is new: of two files with one name, the first counts."""
        if len(self._files) >= _MAX_FILES or self._bytes + len(data) > _MAX_BYTES:
            return
        try:
            file = FileDescriptorProto.FromString(data)
        except DecodeError:
            return
        if file.name and file.name not in self._files:
            self._files[file.name] = file
            self._bytes += len(data)


def _files_in(reply: bytes) -> Iterable[bytes]:
    """Return the serialized files in a ServerReflectionResponse; none if the reply is something else."""
    try:
        answers = [field.value for field in fields(reply) if field.number == _FILE_DESCRIPTOR_RESPONSE]
        found = [part for answer in answers if isinstance(answer, bytes) for part in fields(answer)]
    except WireError:
        return ()
    return [part.value for part in found if part.wire_type is WireType.LEN and isinstance(part.value, bytes)]


REFLECTION_SECONDS: Final = 2.0
"""How long the reply is awaited before calls are captured."""


@dataclass(frozen=True, slots=True)
class SchemaSources:
    """Where the schema is looked up."""

    proto_files: tuple[Path, ...] = ()
    proto_paths: tuple[Path, ...] = ()
    protosets: tuple[Path, ...] = ()
    reflection: bool | None = None
    """Whether to request it from a live service; None: only if no file is named above."""
    reflect_headers: Metadata = ()
    """Metadata for reflection requests only."""
    connection: ConnectionOptions = PLAINTEXT
    """How to connect for reflection."""
    is_seen: bool = True
    """Whether to use reflection replies in the capture."""

    @property
    def asks_service(self) -> bool:
        """True when the schema is requested from a live service."""
        return not (self.proto_files or self.protosets) if self.reflection is None else self.reflection


async def load_schema(catalog: Catalog, sources: SchemaSources, target: Target | None) -> None:
    """Add everything from the sources to the catalog; `target` is the live service, None for a capture.

    Raises:
        SchemaError: a file that the user named cannot be used.
    """
    await load_files(catalog, sources)
    if target is not None and sources.asks_service:
        await load_reflection(catalog, sources, target)


async def load_files(catalog: Catalog, sources: SchemaSources) -> None:
    """Read the files that the user named; they replace what was read from them before.

    Raises:
        SchemaError: one of them cannot be used; the catalog is unchanged.
    """
    found: list[tuple[FileDescriptorSet, str, Rank]] = []
    check_folders(sources.proto_paths)
    if sources.proto_files:
        from inspector.client.proto_files import compile_files  # noqa: PLC0415 - only if files are named

        names = ", ".join(path.name for path in sources.proto_files)
        compiled = await compile_files(sources.proto_files, sources.proto_paths)
        found.append((compiled, f"--proto {names}", Rank.PROTO))
    found.extend((_read_protoset(path), f"--protoset {path}", Rank.PROTOSET) for path in sources.protosets)
    for files, origin, rank in found:
        catalog.add(files, origin, rank)


def check_folders(folders: Iterable[Path]) -> None:
    """Raise SchemaError for a folder that does not exist."""
    for folder in folders:
        if not (os.path.isdir(folder) and os.access(folder, os.X_OK)):  # noqa: PTH112 - Path.is_dir may fail there
            raise SchemaError(
                f"There is no folder {folder}.", "--proto-path takes the folders in which imports are looked up."
            )


async def load_reflection(
    catalog: Catalog, sources: SchemaSources, target: Target, *, seconds: float = REFLECTION_SECONDS
) -> None:
    """Request the schema by reflection. A service that does not answer is noted as a problem of the catalog."""
    from inspector.client.reflection import fetch  # noqa: PLC0415 - loads grpc

    origin = f"reflection of {target}"
    try:
        files = await fetch(str(target), deadline=seconds, metadata=sources.reflect_headers, options=sources.connection)
    except (ServiceError, SchemaError) as error:
        catalog.note(origin, f"{target} did not return its schema. {error}")
        return
    if files is not None:
        catalog.add(files, origin, Rank.REFLECTION)
    elif sources.reflection:
        catalog.note(origin, f"{target} does not support reflection.")


class FileWatch:
    """Detects changes of the files of a schema, imports included."""

    def __init__(self, sources: SchemaSources) -> None:
        self._sources = sources
        self._seen = _stamps(self._paths())

    def has_changed(self) -> bool:
        """Return True once for each change, deletions included. Costs a `stat` for each file."""
        if _stamps(self._seen) == self._seen:
            return False
        self._seen = _stamps(self._paths())  # the imports may have changed too
        return True

    def _paths(self) -> list[Path]:
        from inspector.client.proto_files import find_imports  # noqa: PLC0415 - only if files are named

        named = [path for path in self._sources.proto_files if path.is_file()]
        try:
            return [*find_imports(named, self._sources.proto_paths).files, *self._sources.protosets]
        except SchemaError:
            return [*named, *self._sources.protosets]


def _stamps(paths: Iterable[Path]) -> dict[Path, tuple[int, int] | None]:
    """Return the time of the last change and the size of each file; None for one that does not exist."""
    found: dict[Path, tuple[int, int] | None] = {}
    for path in paths:
        try:
            stat = path.stat()
            found[path] = (stat.st_mtime_ns, stat.st_size)
        except OSError:
            found[path] = None
    return found


def _read_protoset(path: Path) -> FileDescriptorSet:
    from google.protobuf.descriptor_pb2 import FileDescriptorSet  # noqa: PLC0415 - only if files are named
    from google.protobuf.message import DecodeError  # noqa: PLC0415

    hint = "Create one with `protoc --include_imports --descriptor_set_out=FILE …`."
    try:
        files = FileDescriptorSet.FromString(path.read_bytes())
    except OSError as error:
        raise SchemaError(f"{path} cannot be read: {error.strerror}.", hint) from error
    except DecodeError as error:
        raise SchemaError(f"{path} is not a descriptor set.", hint) from error
    if not files.file:
        raise SchemaError(f"{path} contains no descriptors.", hint)
    return files
