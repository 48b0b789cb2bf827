"""Fills the catalog from wherever a schema is: .proto files, descriptor sets, the service's own reflection.

What a user named must work, and raises if it does not; what was only tried is told in the catalog's problems. Files
can be read again when they have changed. What a capture itself tells of the schema is `reflected`'s.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from inspector.capture.target import Target
from inspector.client.options import PLAINTEXT, ConnectionOptions, Metadata
from inspector.errors import SchemaError, ServiceError
from inspector.schema.catalog import Catalog
from inspector.schema.sources import Rank

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorSet

REFLECTION_SECONDS: Final = 2.0
"""What is waited for a service's schema before its calls are captured."""


@dataclass(frozen=True, slots=True)
class SchemaSources:
    """Where to look."""

    proto_files: tuple[Path, ...] = ()
    proto_paths: tuple[Path, ...] = ()
    protosets: tuple[Path, ...] = ()
    reflection: bool | None = None
    """Ask a live service: None for only where no file is named above, True for always, False for never."""
    reflect_headers: Metadata = ()
    """Metadata for the service's reflection alone."""
    connection: ConnectionOptions = PLAINTEXT
    """How its reflection is reached."""
    is_seen: bool = True
    """Learn from reflection answers in the capture."""

    @property
    def asks_service(self) -> bool:
        """True when a live service is to be asked for its schema."""
        return not (self.proto_files or self.protosets) if self.reflection is None else self.reflection


async def load_schema(catalog: Catalog, sources: SchemaSources, target: Target | None) -> None:
    """Add to the catalog what the sources tell; `target` is the live service, None for a capture file.

    Raises:
        SchemaError: a file that the user named cannot be used.
    """
    await load_files(catalog, sources)
    if target is not None and sources.asks_service:
        await load_reflection(catalog, sources, target)


async def load_files(catalog: Catalog, sources: SchemaSources) -> None:
    """Read the files that the user named, for the first time or again: then they replace what was read before.

    Raises:
        SchemaError: one of them cannot be used; the catalog is as it was then.
    """
    found: list[tuple[FileDescriptorSet, str, Rank]] = []
    check_folders(sources.proto_paths)
    if sources.proto_files:
        from inspector.client.proto_compile import compile_files  # noqa: PLC0415 - only where it is asked for

        names = ", ".join(path.name for path in sources.proto_files)
        compiled = await compile_files(sources.proto_files, sources.proto_paths)
        found.append((compiled, f"--proto {names}", Rank.PROTO))
    found.extend((_read_protoset(path), f"--protoset {path}", Rank.PROTOSET) for path in sources.protosets)
    for files, origin, rank in found:
        catalog.add(files, origin, rank)


def check_folders(folders: Iterable[Path]) -> None:
    """Raise SchemaError for one that is not there."""
    for folder in folders:
        if not (os.path.isdir(folder) and os.access(folder, os.X_OK)):  # noqa: PTH112 - Path.is_dir may fail there
            raise SchemaError(f"There is no folder {folder}.", "--proto-path names the folders where imports start.")


async def load_reflection(
    catalog: Catalog, sources: SchemaSources, target: Target, *, seconds: float = REFLECTION_SECONDS
) -> None:
    """Ask the service for its schema; one that has none is no problem, one that does not answer is told as one."""
    from inspector.client.reflection import fetch  # noqa: PLC0415 - loads grpc

    origin = f"reflection of {target}"
    try:
        files = await fetch(str(target), deadline=seconds, metadata=sources.reflect_headers, options=sources.connection)
    except (ServiceError, SchemaError) as error:
        catalog.note(origin, f"{target} did not tell its schema. {error}")
        return
    if files is not None:
        catalog.add(files, origin, Rank.REFLECTION)
    elif sources.reflection:
        catalog.note(origin, f"{target} does not tell its schema: it has no reflection.")


class FileWatch:
    """Tells whether the files of a schema, imports among them, have changed since they were last looked at."""

    def __init__(self, sources: SchemaSources) -> None:
        self._sources = sources
        self._seen = _stamps(self._paths())

    def has_changed(self) -> bool:
        """True once for each change; a file that is gone has changed too. Costs a `stat` for each file."""
        if _stamps(self._seen) == self._seen:
            return False
        self._seen = _stamps(self._paths())  # what has changed may import other files now
        return True

    def _paths(self) -> list[Path]:
        from inspector.client.proto_imports import find_imports  # noqa: PLC0415 - only where it is asked for

        named = [path for path in self._sources.proto_files if path.is_file()]
        try:
            return [*find_imports(named, self._sources.proto_paths).files, *self._sources.protosets]
        except SchemaError:
            return [*named, *self._sources.protosets]


def _stamps(paths: Iterable[Path]) -> dict[Path, tuple[int, int] | None]:
    """When each file was changed, and how long it is; None for one that is not there."""
    found: dict[Path, tuple[int, int] | None] = {}
    for path in paths:
        try:
            stat = path.stat()
            found[path] = (stat.st_mtime_ns, stat.st_size)
        except OSError:
            found[path] = None
    return found


def _read_protoset(path: Path) -> FileDescriptorSet:
    from google.protobuf.descriptor_pb2 import FileDescriptorSet  # noqa: PLC0415 - only where it is asked for
    from google.protobuf.message import DecodeError  # noqa: PLC0415

    hint = "Make one with `protoc --include_imports --descriptor_set_out=FILE …`."
    try:
        files = FileDescriptorSet.FromString(path.read_bytes())
    except OSError as error:
        raise SchemaError(f"{path} cannot be read: {error.strerror}.", hint) from error
    except DecodeError as error:
        raise SchemaError(f"{path} is no descriptor set.", hint) from error
    if not files.file:
        raise SchemaError(f"{path} holds no descriptors.", hint)
    return files
