"""`list` and `describe`: services, methods and types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from google.protobuf.descriptor import FileDescriptor, ServiceDescriptor

from inspector.capture.source import Target
from inspector.errors import RequestError, SchemaError
from inspector.headless.output import Output, say
from inspector.present.proto_source import Described, kind_of, source_lines
from inspector.schema.catalog import Catalog
from inspector.schema.sources import Rank
from inspector.session.schema import SchemaSources, load_files
from inspector.text import clean

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorSet

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class SchemaQuery:
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


async def known(asked: SchemaQuery) -> Catalog:
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


async def reflected_names(asked: SchemaQuery) -> frozenset[str]:
    """The names of the services as the server lists them, whatever their schema is worth. Raises as `known`."""
    from inspector.client.reflection import list_services  # noqa: PLC0415 - loads grpc

    return _told(asked, await list_services(asked.target, **_how(asked)))


async def _reflected(asked: SchemaQuery) -> FileDescriptorSet:
    from inspector.client.reflection import fetch  # noqa: PLC0415 - loads grpc

    return _told(asked, await fetch(asked.target, **_how(asked)))


def _how(asked: SchemaQuery) -> dict[str, Any]:
    sources = asked.sources
    return {"deadline": asked.deadline, "metadata": sources.reflect_headers, "options": sources.connection}


def _told(asked: SchemaQuery, answer: _T | None) -> _T:
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


async def print_list(asked: SchemaQuery, service: str | None) -> int:
    """Print the full names of the services, or of the methods of one; returns the exit status.

    Raises:
        InspectorError: nothing can be asked, or there is no such service.
    """
    output = Output()
    if service is None and asked.asks_server and not asked.has_files:
        output.texts(map(clean, sorted(await reflected_names(asked))))
        return 0
    found = services(await known(asked))
    if service is None:
        output.texts(map(clean, found))
        return 0
    name = service.strip().lstrip("./")
    if name not in found:
        raise RequestError(f"There is no service {name} at {asked.target}.", f"There are {', '.join(found) or 'none'}.")
    output.texts(clean(method.full_name) for method in found[name].methods)
    return 0


async def print_description(asked: SchemaQuery, symbol: str | None) -> int:
    """Print the source of a symbol, or of all services; returns the exit status.

    Raises:
        InspectorError: nothing can be asked, or there is no such symbol.
    """
    catalog = await known(asked)
    all_services = services(catalog)
    described: Iterable[Described] = all_services.values()
    if symbol is not None:
        found = find(catalog, symbol)
        if found is None:
            hint = f"Its services are {', '.join(all_services) or 'none'}; `list` and `describe` tell of their types."
            raise RequestError(f"No schema of {asked.target} knows {symbol}.", hint)
        described = (found,)
    Output().texts(line for each in described for line in _lines(each))
    return 0


def _lines(found: Described) -> Iterator[str]:
    yield f"{clean(_full_name(found))} is {kind_of(found)}:"
    yield from source_lines(found)


def _full_name(found: Described) -> str:
    name = getattr(found, "full_name", None)
    return str(name if name is not None else found.name)
