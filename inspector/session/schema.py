"""Fills the catalog from wherever a schema is: .proto files, descriptor sets, the service's own reflection.

What a user named must work, and raises if it does not; what was only tried is told in the catalog's problems.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from inspector.capture.target import Target
from inspector.errors import SchemaError, ServiceError
from inspector.schema.catalog import Catalog

_REFLECTION_SECONDS: Final = 2.0
"""What is waited for a service's schema before its calls are captured."""


@dataclass(frozen=True, slots=True)
class SchemaSources:
    """Where to look."""

    proto_files: tuple[Path, ...] = ()
    proto_paths: tuple[Path, ...] = ()
    protosets: tuple[Path, ...] = ()
    reflection: bool = True
    """Ask a live service, unless the files named above are there."""


async def load_schema(catalog: Catalog, sources: SchemaSources, target: Target | None) -> None:
    """Add to the catalog what the sources tell; `target` is the live service, None for a capture file.

    Raises:
        SchemaError: a file that the user named cannot be used.
    """
    if sources.proto_files:
        from inspector.client.proto_compile import compile_files  # noqa: PLC0415 - only where it is asked for

        names = ", ".join(path.name for path in sources.proto_files)
        catalog.add(await compile_files(sources.proto_files, sources.proto_paths), f"--proto {names}")
    for path in sources.protosets:
        _add_protoset(catalog, path)
    if target is not None and sources.reflection and not (sources.proto_files or sources.protosets):
        await _add_reflected(catalog, target)


def _add_protoset(catalog: Catalog, path: Path) -> None:
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
    catalog.add(files, f"--protoset {path.name}")


async def _add_reflected(catalog: Catalog, target: Target) -> None:
    from inspector.client.reflection import fetch  # noqa: PLC0415 - loads grpc

    try:
        files = await fetch(str(target), deadline=_REFLECTION_SECONDS)
    except (ServiceError, SchemaError) as error:
        catalog.note(f"reflection of {target}", f"{target} did not tell its schema: {error.message}")
        return
    if files is not None:
        catalog.add(files, f"reflection of {target}")
