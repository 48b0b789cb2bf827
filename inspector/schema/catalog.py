"""The services, methods and types that are known, from however many sources."""

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
    """The descriptors of helloworld.proto and sample.proto, as protoc would write them."""
    modules = (helloworld_pb2, sample_pb2)
    return FileDescriptorSet(file=[FileDescriptorProto.FromString(each.DESCRIPTOR.serialized_pb) for each in modules])


GREET_ORIGIN: Final = "the greet service's own schema"
COMMON_ORIGIN: Final = "the types that come with the program"
"""Well-known types, those of rich errors, and gRPC's own services: asked last, or first by this name."""
_DIFFERENCES_TOLD: Final = 20

_KINDS: Final = {
    (False, False): CallKind.UNARY,
    (True, False): CallKind.CLIENT_STREAMING,
    (False, True): CallKind.SERVER_STREAMING,
    (True, True): CallKind.BIDI_STREAMING,
}


def short_name(type_name: str) -> str:
    """A type's name without its package."""
    return type_name.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Method:
    """A method of a service, as a schema gives it."""

    path: str
    """As in `:path`: `/package.Service/Method`."""
    kind: CallKind
    request_type: str
    """The full name, with its package."""
    response_type: str
    origin: str = ""
    """Which source told of it."""

    @property
    def request_name(self) -> str:
        """The request type without its package."""
        return short_name(self.request_type)

    @property
    def response_name(self) -> str:
        """The response type without its package."""
        return short_name(self.response_type)

    def type_from(self, side: Side) -> str:
        """The full name of the type that a side sends."""
        return self.request_type if side is Side.CLIENT else self.response_type


class Catalog:
    """All schemas together; the greet service's own is always among them."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        """Plain sentences: what could not be used, and what two sources say differently."""
        self.revision = 0
        """Counts the changes, so that a reading made with less can be told from a new one."""
        self._sources = [Source.of(GREET_ORIGIN, Rank.OWN, greet_files())]
        self._notes: dict[str, str] = {}
        self._renew()

    @property
    def methods(self) -> Mapping[str, Method]:
        """Every method by its path; a source that is asked earlier wins over a later one."""
        return MappingProxyType(self._methods)

    @property
    def sources(self) -> tuple[Source, ...]:
        """Every source in the order in which they are asked, those that are switched off too."""
        return tuple(self._sources)

    @property
    def origins(self) -> tuple[str, ...]:
        """The sources that are asked, in their order."""
        return tuple(source.origin for source in self._asked())

    def add(self, files: FileDescriptorSet, origin: str, rank: Rank = Rank.PROTO) -> None:
        """Take in a source's files; `origin` says where they are from, as in `--protoset api.pb`.

        A source of that origin is replaced in its place. Never raises for what the files say: a file that cannot be
        used is left out and told in `problems`.
        """
        new = Source.of(origin, rank, files)
        at = next((index for index, source in enumerate(self._sources) if source.origin == origin), None)
        if at is None:
            self._sources.insert(bisect_right(self._sources, rank, key=_rank), new)
        else:
            self._sources[at] = replace(new, rank=self._sources[at].rank, is_on=self._sources[at].is_on)
        self._notes.pop(origin, None)
        self._renew()

    def switch(self, origin: str, *, is_on: bool) -> None:
        """Ask a source, or leave it out until it is switched on again."""
        self._sources = [
            replace(source, is_on=is_on) if source.origin == origin else source for source in self._sources
        ]
        self._renew()

    def note(self, origin: str, sentence: str) -> None:
        """Tell, in `problems`, why a source is not there; gone once it is."""
        self._notes[origin] = sentence
        self._renew()

    def method(self, path: str | None) -> Method | None:
        """The method of a `:path`; None for one that no source knows.

        Those of gRPC's own services, health and reflection, are known though `methods` does not list them.
        """
        found = None if path is None else self._methods.get(path)
        return _common_methods().get(path) if found is None and path and path.startswith("/grpc.") else found

    def message_class(self, type_name: str | None, origin: str = "") -> type[Message] | None:
        """The class of a full type name, from the source of that origin, else the first that knows it; else None.

        The well-known types and those of rich errors are always known.
        """
        if not type_name:
            return None
        found = self._classes.get((type_name, origin))
        if found is None:
            for pool in _pools(self._asked(), origin):
                if (descriptor := _find(pool, type_name)) is not None:
                    found = self._classes[type_name, origin] = message_factory.GetMessageClass(descriptor)
                    break
        return found

    def message_types(self) -> Iterator[str]:
        """The full names of all message types, in the order of the sources."""
        for source in self._asked():
            yield from message_types(source)

    def _asked(self) -> Iterator[Source]:
        return (source for source in self._sources if source.is_on)

    def _renew(self) -> None:
        """Draw up what follows from the sources, after any change of them."""
        asked = list(self._asked())
        self._classes: dict[tuple[str, str], type[Message]] = {}
        self._methods, conflicts = _merged(asked)
        told = [*self._notes.values(), *(each for source in asked for each in source.problems)]
        # The greet service's schema is not somebody's word against another's.
        others = differences([source for source in asked if source.rank is not Rank.OWN])
        self.problems = [*told, *conflicts[:_DIFFERENCES_TOLD], *islice(others, _DIFFERENCES_TOLD)]
        self.revision += 1


def _merged(sources: Iterable[Source]) -> tuple[dict[str, Method], list[str]]:
    """The methods of all sources, and what a later one says differently than one before it."""
    known: dict[str, Method] = {}
    conflicts: list[str] = []
    for source in sources:
        for each in source.built.methods:
            method = _method(each, source.origin)
            first = known.setdefault(method.path, method)
            if _described(first) != _described(method) and source.rank is not Rank.OWN:
                words = f"{method.origin} describes {method.path} differently than {first.origin}, which is used."
                conflicts.append(words)
    return known, conflicts


def _pools(sources: Iterable[Source], origin: str) -> Iterator[DescriptorPool]:
    """The pools in which a type is looked for, those of an origin first."""
    if origin == COMMON_ORIGIN:
        yield common_types().pool
    asked = sorted(sources, key=lambda source: source.origin != origin)  # stable: the others stay in order
    yield from (source.built.pool for source in asked)
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
