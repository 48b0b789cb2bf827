"""`list` and `describe`: print services, methods and types."""

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
    """The server to describe, and the sources of its schema."""

    target: str
    sources: SchemaSources
    deadline: float

    @property
    def has_files(self) -> bool:
        """True if schema files are given."""
        return bool(self.sources.proto_files or self.sources.protosets)

    @property
    def asks_server(self) -> bool:
        """True if the schema is requested from the server. Raises SchemaError if no source is left."""
        if self.sources.reflection is False and not self.has_files:
            raise SchemaError(
                "--no-reflection leaves no source for the schema.", "Give a schema with --proto or --protoset."
            )
        return self.sources.asks_service


async def load_catalog(query: SchemaQuery) -> Catalog:
    """Load the schema from the given files, or else from the server, or from both with --reflection.

    Raises:
        InspectorError: a file cannot be used, the server cannot be reached, or it has no reflection.
    """
    catalog, sources = Catalog(), query.sources
    target = Target.parse(query.target)
    await load_files(catalog, sources)
    if query.asks_server:
        catalog.add(await _reflected(query), f"reflection of {target}", Rank.REFLECTION)
    for problem in catalog.problems:
        say(problem)
    return catalog


async def reflected_names(query: SchemaQuery) -> frozenset[str]:
    """Return the names of the services that the server lists, even if their schema is unusable."""
    from inspector.client.reflection import list_services  # noqa: PLC0415 - loads grpc

    return _required(query, await list_services(query.target, **_options(query)))


async def _reflected(query: SchemaQuery) -> FileDescriptorSet:
    from inspector.client.reflection import fetch  # noqa: PLC0415 - loads grpc

    return _required(query, await fetch(query.target, **_options(query)))


def _options(query: SchemaQuery) -> dict[str, Any]:
    sources = query.sources
    return {"deadline": query.deadline, "metadata": sources.reflect_headers, "options": sources.connection}


def _required(query: SchemaQuery, answer: _T | None) -> _T:
    if answer is None:
        raise SchemaError(f"{query.target} has no server reflection.", "Give its schema with --proto or --protoset.")
    return answer


def services(catalog: Catalog) -> dict[str, ServiceDescriptor]:
    """Return all services by full name, sorted; each from the first source that has it."""
    found: dict[str, ServiceDescriptor] = {}
    for file in _files(catalog):
        for service in file.services_by_name.values():
            found.setdefault(service.full_name, service)
    return dict(sorted(found.items()))


def find(catalog: Catalog, symbol: str) -> Described | None:
    """Return what has a full name, or None; the name of a method may follow a slash or a dot."""
    name = symbol.strip().lstrip("./").replace("/", ".")
    for source in catalog.sources:
        pool = source.built.pool
        for look_up in (
            pool.FindServiceByName,
            pool.FindMessageTypeByName,
            pool.FindEnumTypeByName,
            pool.FindMethodByName,
            pool.FindFieldByName,
            pool.FindExtensionByName,
        ):
            try:
                found: Described = look_up(name)
            except (KeyError, UnicodeError):
                continue
            return found
    return None


def _files(catalog: Catalog) -> Iterator[FileDescriptor]:
    for source in catalog.sources:
        if source.rank is not Rank.OWN:
            yield from source.built.files


async def print_list(query: SchemaQuery, service: str | None) -> int:
    """Print the full names of the services, or of the methods of one; return the exit status.

    Raises:
        InspectorError: the schema cannot be loaded, or there is no such service.
    """
    output = Output()
    if service is None and query.asks_server and not query.has_files:
        output.texts(map(clean, sorted(await reflected_names(query))))
        return 0
    found = services(await load_catalog(query))
    if service is None:
        output.texts(map(clean, found))
        return 0
    name = service.strip().lstrip("./")
    if name not in found:
        raise RequestError(f"There is no service {name} at {query.target}.", f"There are {', '.join(found) or 'none'}.")
    output.texts(clean(method.full_name) for method in found[name].methods)
    return 0


async def print_description(query: SchemaQuery, symbol: str | None) -> int:
    """Print the definition of a symbol, or of all services; return the exit status.

    Raises:
        InspectorError: the schema cannot be loaded, or there is no such symbol.
    """
    catalog = await load_catalog(query)
    all_services = services(catalog)
    described: Iterable[Described] = all_services.values()
    if symbol is not None:
        found = find(catalog, symbol)
        if found is None:
            hint = f"Its services are {', '.join(all_services) or 'none'}; `describe SYMBOL` shows their types."
            raise RequestError(f"No schema of {query.target} knows {symbol}.", hint)
        described = (found,)
    Output().texts(line for each in described for line in _lines(each))
    return 0


def _lines(found: Described) -> Iterator[str]:
    yield f"{clean(_full_name(found))} is {kind_of(found)}:"
    yield from source_lines(found)


def _full_name(found: Described) -> str:
    name = getattr(found, "full_name", None)
    return str(name if name is not None else found.name)
