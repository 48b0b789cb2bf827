"""What `list` and `describe` ask of: the services and types of a server, by its reflection or from files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from google.protobuf.descriptor import FileDescriptor, ServiceDescriptor

from inspector.capture.target import Target
from inspector.errors import SchemaError
from inspector.headless.output import say
from inspector.schema.catalog import Catalog
from inspector.schema.sources import Rank
from inspector.session.schema import SchemaSources, load_files
from inspector.views.proto_source import Described

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorSet


_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom to ask, and how."""

    target: str
    sources: SchemaSources
    deadline: float

    @property
    def has_files(self) -> bool:
        """True when files are given that tell."""
        return bool(self.sources.proto_files or self.sources.protosets)

    @property
    def asks_server(self) -> bool:
        """True when the server is asked; raises SchemaError when nothing is left that tells."""
        if self.sources.reflection is False and not self.has_files:
            raise SchemaError("--no-reflection leaves nothing to ask.", "Give a schema with --proto or --protoset.")
        return self.sources.asks_service


async def known(asked: Asked) -> Catalog:
    """What the files say, if any are given, else what the server says of itself, or both with --reflection.

    Raises:
        InspectorError: a file cannot be used, the server cannot be reached, or it has no reflection.
    """
    catalog, sources = Catalog(), asked.sources
    target = Target.parse(asked.target)
    await load_files(catalog, sources)
    if asked.asks_server:
        catalog.add(await _reflected(asked), f"reflection of {target}", Rank.REFLECTION)
    for problem in catalog.problems:
        say(problem)
    return catalog


async def reflected_names(asked: Asked) -> frozenset[str]:
    """The names of the services as the server lists them, whatever their schema is worth. Raises as `known`."""
    from inspector.client.reflection import list_services  # noqa: PLC0415 - loads grpc

    return _told(asked, await list_services(asked.target, **_how(asked)))


async def _reflected(asked: Asked) -> FileDescriptorSet:
    from inspector.client.reflection import fetch  # noqa: PLC0415 - loads grpc

    return _told(asked, await fetch(asked.target, **_how(asked)))


def _how(asked: Asked) -> dict[str, Any]:
    sources = asked.sources
    return {"deadline": asked.deadline, "metadata": sources.reflect_headers, "options": sources.connection}


def _told(asked: Asked, answer: _T | None) -> _T:
    if answer is None:
        raise SchemaError(f"{asked.target} has no server reflection.", "Give its schema with --proto or --protoset.")
    return answer


def services(catalog: Catalog) -> dict[str, ServiceDescriptor]:
    """Every service by its full name, sorted; the first source that has one tells of it."""
    found: dict[str, ServiceDescriptor] = {}
    for file in _files(catalog):
        for service in file.services_by_name.values():
            found.setdefault(service.full_name, service)
    return dict(sorted(found.items()))


def find(catalog: Catalog, symbol: str) -> Described | None:
    """A service, method, message, enum, field or enum value by its full name, dots or a slash before a method."""
    name = symbol.strip().lstrip("./").replace("/", ".")
    for source in catalog.sources:
        pool = source.built.pool
        for look in (
            pool.FindServiceByName,
            pool.FindMessageTypeByName,
            pool.FindEnumTypeByName,
            pool.FindMethodByName,
            pool.FindFieldByName,
            pool.FindExtensionByName,
        ):
            try:
                found: Described = look(name)
            except (KeyError, UnicodeError):
                continue
            return found
    return None


def _files(catalog: Catalog) -> Iterator[FileDescriptor]:
    for source in catalog.sources:
        if source.rank is not Rank.OWN:
            yield from source.built.files
