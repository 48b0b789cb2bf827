"""The services, methods and types that are known, from however many sources.

Each source keeps a descriptor pool of its own, so two versions of one file live side by side: the source that was
added first is asked first, the greet service's own schema last. What they disagree about is told in `problems`, never
raised. Finds no schema by itself: protoc and reflection are the client's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

from inspector.model.call import CallKind
from inspector.model.endpoint import Side
from inspector.schema.greet import greet_files
from inspector.schema.pools import build_pool

GREET_ORIGIN: Final = "the greet service's own schema"

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
        """Counts what was added, so that a reading made with less can be told from a new one."""
        self._sources: list[tuple[str, DescriptorPool]] = []
        self._methods: dict[str, Method] = {}
        greet = build_pool(greet_files())
        self._greet = greet.pool
        self._greet_methods = {each.path: each for each in map(_greet_method, greet.methods)}

    @property
    def methods(self) -> Mapping[str, Method]:
        """Every method by its path; a source that was added wins over the greet service's own schema."""
        return MappingProxyType({**self._greet_methods, **self._methods})

    @property
    def origins(self) -> tuple[str, ...]:
        """The sources in the order in which they are asked."""
        return (*(origin for origin, _ in self._sources), GREET_ORIGIN)

    def add(self, files: FileDescriptorSet, origin: str) -> None:
        """Take in a source's files; `origin` says where they are from, as in `--protoset api.pb`.

        Never raises for what the files say: a file that cannot be used is left out and told in `problems`.
        """
        built = build_pool(files)
        self.problems.extend(f"{origin}: {sentence}" for sentence in built.problems)
        self._sources.append((origin, built.pool))
        for found in built.methods:
            self._add_method(_method(found, origin))
        self.revision += 1

    def method(self, path: str | None) -> Method | None:
        """The method of a `:path`; None for one that no source knows."""
        if path is None:
            return None
        return self._methods.get(path) or self._greet_methods.get(path)

    def message_class(self, type_name: str | None) -> type[Message] | None:
        """The class of a full type name, from the first source that knows it; None where none does."""
        for pool in (*(pool for _, pool in self._sources), self._greet):
            if type_name and (found := _find(pool, type_name)) is not None:
                return message_factory.GetMessageClass(found)
        return None

    def _add_method(self, method: Method) -> None:
        known = self._methods.setdefault(method.path, method)
        if (known.kind, known.request_type, known.response_type) != (
            method.kind,
            method.request_type,
            method.response_type,
        ):
            self.problems.append(
                f"{method.origin} describes {method.path} differently than {known.origin}, which is used."
            )


def _find(pool: DescriptorPool, type_name: str) -> Descriptor | None:
    try:
        return pool.FindMessageTypeByName(type_name)
    except KeyError:
        return None


def _method(found: MethodDescriptor, origin: str) -> Method:
    return Method(
        f"/{found.containing_service.full_name}/{found.name}",
        _KINDS[bool(found.client_streaming), bool(found.server_streaming)],
        found.input_type.full_name,
        found.output_type.full_name,
        origin,
    )


def _greet_method(found: MethodDescriptor) -> Method:
    return _method(found, GREET_ORIGIN)
