"""The catalog of services, methods and message types, from any number of sources."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from types import MappingProxyType
from typing import Final

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

from inspector.model.call import CallKind
from inspector.model.frame import Side
from inspector.schema.sources import Rank, Source, common_types, differences, message_types
from sample_service import helloworld_pb2, sample_pb2

GREET_METHOD: Final = "/HelloWorld/greet"


def greet_files() -> FileDescriptorSet:
    """Return the descriptors of helloworld.proto and sample.proto, as protoc writes them."""
    modules = (helloworld_pb2, sample_pb2)
    return FileDescriptorSet(file=[FileDescriptorProto.FromString(each.DESCRIPTOR.serialized_pb) for each in modules])


GREET_ORIGIN: Final = "the greet service's own schema"
COMMON_ORIGIN: Final = "the types that come with the program"
"""Well-known types, those of rich errors, and gRPC's own services: searched last, or first under this name."""
_MAX_DIFFERENCES: Final = 20

_KINDS: Final = {
    (False, False): CallKind.UNARY,
    (True, False): CallKind.CLIENT_STREAMING,
    (False, True): CallKind.SERVER_STREAMING,
    (True, True): CallKind.BIDI_STREAMING,
}


def short_name(type_name: str) -> str:
    """Return a type's name without its package."""
    return type_name.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Method:
    """A method of a service, as described by a schema."""

    path: str
    """As in `:path`: `/package.Service/Method`."""
    kind: CallKind
    request_type: str
    """The full name, with its package; empty for a method without a schema."""
    response_type: str
    origin: str = ""
    """The source that describes it."""

    @property
    def request_name(self) -> str:
        """The request type without its package."""
        return short_name(self.request_type)

    @property
    def response_name(self) -> str:
        """The response type without its package."""
        return short_name(self.response_type)

    def type_from(self, side: Side) -> str:
        """Return the full name of the type that a side sends."""
        return self.request_type if side is Side.CLIENT else self.response_type


class Catalog:
    """All schemas together; that of the greet service is always among them."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        """Plain sentences: files that cannot be used, and differences between sources."""
        self.revision = 0
        """The number of changes so far; decoded messages are cached by it."""
        self._sources = [Source.of(GREET_ORIGIN, Rank.OWN, greet_files())]
        self._notes: dict[str, str] = {}
        self._rebuild()

    @property
    def methods(self) -> Mapping[str, Method]:
        """All methods by path; on conflict, that of the earlier source."""
        return MappingProxyType(self._methods)

    @property
    def sources(self) -> tuple[Source, ...]:
        """All sources in search order, those that are switched off included."""
        return tuple(self._sources)

    @property
    def origins(self) -> tuple[str, ...]:
        """The names of the sources that are searched, in order."""
        return tuple(source.origin for source in self._active())

    def add(self, files: FileDescriptorSet, origin: str, rank: Rank = Rank.PROTO) -> None:
        """Add the files of a source, or replace them where `origin` is known already.

        Never raises for what the files contain: a file that cannot be used is left out and listed in `problems`.
        """
        new = Source.of(origin, rank, files)
        at = next((index for index, source in enumerate(self._sources) if source.origin == origin), None)
        if at is None:
            self._sources.insert(bisect_right(self._sources, rank, key=_rank), new)
        else:
            self._sources[at] = replace(new, rank=self._sources[at].rank, is_on=self._sources[at].is_on)
        self._notes.pop(origin, None)
        self._rebuild()

    def switch(self, origin: str, *, is_on: bool) -> None:
        """Search a source, or leave it out until it is switched on again."""
        self._sources = [
            replace(source, is_on=is_on) if source.origin == origin else source for source in self._sources
        ]
        self._rebuild()

    def note(self, origin: str, sentence: str) -> None:
        """List in `problems` why a source is missing, until it is added."""
        self._notes[origin] = sentence
        self._rebuild()

    def method(self, path: str | None) -> Method | None:
        """Return the method of a `:path`; None for an unknown one.

        The methods of gRPC's own services, health and reflection, are found though `methods` does not list them.
        """
        found = None if path is None else self._methods.get(path)
        return _common_methods().get(path) if found is None and path and path.startswith("/grpc.") else found

    def message_class(self, type_name: str | None, origin: str = "") -> type[Message] | None:
        """Return the class of a full type name; None for an unknown one.

        The source `origin` is searched first. Well-known types and those of rich errors are always found.
        """
        if not type_name:
            return None
        found = self._classes.get((type_name, origin))
        if found is None:
            for pool in _pools(self._active(), origin):
                if (descriptor := _find(pool, type_name)) is not None:
                    found = self._classes[type_name, origin] = message_factory.GetMessageClass(descriptor)
                    break
        return found

    def message_types(self) -> Iterator[str]:
        """Yield the full names of all message types, in the order of the sources."""
        for source in self._active():
            yield from message_types(source)

    def _active(self) -> Iterator[Source]:
        return (source for source in self._sources if source.is_on)

    def _rebuild(self) -> None:
        """Rebuild what is derived from the sources."""
        active = list(self._active())
        self._classes: dict[tuple[str, str], type[Message]] = {}
        self._methods, conflicts = _merged(active)
        problems = [*self._notes.values(), *(each for source in active for each in source.problems)]
        # The greet service's schema is a default, so a different one is no conflict.
        others = differences([source for source in active if source.rank is not Rank.OWN])
        self.problems = [*problems, *conflicts[:_MAX_DIFFERENCES], *islice(others, _MAX_DIFFERENCES)]
        self.revision += 1


def _merged(sources: Iterable[Source]) -> tuple[dict[str, Method], list[str]]:
    """Merge the methods of all sources; return them with a sentence for each conflict."""
    known: dict[str, Method] = {}
    conflicts: list[str] = []
    for source in sources:
        for each in source.built.methods:
            method = _method(each, source.origin)
            first = known.setdefault(method.path, method)
            if _described(first) != _described(method) and source.rank is not Rank.OWN:
                conflict = f"{method.origin} describes {method.path} differently than {first.origin}, which is used."
                conflicts.append(conflict)
    return known, conflicts


def _pools(sources: Iterable[Source], origin: str) -> Iterator[DescriptorPool]:
    """Yield the pools to search for a type, those of `origin` first."""
    if origin == COMMON_ORIGIN:
        yield common_types().pool
    by_origin = sorted(sources, key=lambda source: source.origin != origin)  # stable: the others stay in order
    yield from (source.built.pool for source in by_origin)
    yield common_types().pool


def _rank(source: Source) -> Rank:
    return source.rank


def _described(method: Method) -> tuple[object, ...]:
    return method.kind, method.request_type, method.response_type


def _find(pool: DescriptorPool, type_name: str) -> Descriptor | None:
    try:
        return pool.FindMessageTypeByName(type_name)
    except (KeyError, UnicodeError):
        return None


@lru_cache(maxsize=1)
def _common_methods() -> Mapping[str, Method]:
    return {each.path: each for each in (_method(found, COMMON_ORIGIN) for found in common_types().methods)}


def _method(found: MethodDescriptor, origin: str) -> Method:
    return Method(
        f"/{found.containing_service.full_name}/{found.name}",
        _KINDS[bool(found.client_streaming), bool(found.server_streaming)],
        found.input_type.full_name,
        found.output_type.full_name,
        origin,
    )
