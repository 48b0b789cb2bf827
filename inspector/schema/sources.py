"""One source of a schema: where it is from, what it holds, and whether it is asked.

Also tells what two sources say differently. Knows nothing of how a source was come by.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, TypeAlias

from google.protobuf.descriptor import Descriptor, EnumDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from inspector.schema.pools import BuiltPool, build_pool

_PROBLEMS_TOLD: Final = 20


class Rank(IntEnum):
    """In which order sources are asked: what a user named before what a service or a capture said."""

    PROTO = 0
    PROTOSET = 1
    REFLECTION = 2
    SEEN = 3
    """Reflection answers in the capture."""
    OWN = 4
    """The greet service's schema, which is always there."""


@dataclass(frozen=True, slots=True)
class Source:
    """A source with all that could be built of it."""

    origin: str
    """Where it is from, as in `--protoset api.pb`."""
    rank: Rank
    built: BuiltPool = field(repr=False)
    is_on: bool = True
    """False when somebody has switched it off: it is kept, and not asked."""

    @classmethod
    def of(cls, origin: str, rank: Rank, files: FileDescriptorSet) -> Source:
        """Build what can be built of the files."""
        return cls(origin, rank, build_pool(files))

    @property
    def methods(self) -> int:
        """How many methods it tells of."""
        return len(self.built.methods)

    @property
    def problems(self) -> list[str]:
        """What could not be used of it, as sentences that name it."""
        told, more = self.built.problems[:_PROBLEMS_TOLD], len(self.built.problems) - _PROBLEMS_TOLD
        if more > 0:
            told.append(f"{more:,} more files have such problems.")
        return [f"{self.origin}: {sentence}" for sentence in told]


_Shape: TypeAlias = tuple[object, ...]


def differences(sources: Sequence[Source]) -> Iterator[str]:
    """A sentence for each type that a source describes differently than one that is asked before it."""
    known: dict[str, tuple[str, Descriptor | EnumDescriptor]] = {}
    if len(sources) < 2:
        return
    for source in sources:
        for found in _types(source.built):
            first, other = known.setdefault(found.full_name, (source.origin, found))
            if first != source.origin and _shape(found) != _shape(other):
                yield f"{source.origin} describes {found.full_name} differently than {first}, which is used."


def _types(built: BuiltPool) -> Iterator[Descriptor | EnumDescriptor]:
    for file in built.files:
        yield from file.enum_types_by_name.values()
        for message in file.message_types_by_name.values():
            yield from _with_nested(message)


def _with_nested(message: Descriptor) -> Iterator[Descriptor | EnumDescriptor]:
    yield message
    yield from message.enum_types
    for inner in message.nested_types:
        yield from _with_nested(inner)


def message_types(source: Source) -> Iterator[str]:
    """The full names of the messages of a source, without those that only make up maps."""
    for found in _types(source.built):
        if isinstance(found, Descriptor) and not (found.has_options and found.GetOptions().map_entry):
            yield found.full_name


def _shape(found: Descriptor | EnumDescriptor) -> _Shape:
    """What of a type decides how it is read."""
    if isinstance(found, EnumDescriptor):
        return tuple(sorted((value.number, value.name) for value in found.values))
    return tuple(
        sorted(
            (
                field.number,
                field.name,
                field.type,
                field.is_repeated,
                field.message_type.full_name if field.message_type else "",
                field.enum_type.full_name if field.enum_type else "",
            )
            for field in found.fields
        )
    )
