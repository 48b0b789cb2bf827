"""Learns a schema from reflection answers in the capture: some client asked the service, and we saw what it said.

Told of every change of the store, it reads only the new replies of reflection calls. Owns the bounds on what a capture
may make it keep; whatever a service says there, the worst is a file that cannot be used.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.message import DecodeError

from inspector.model.call import Call, CallState, StreamKey
from inspector.schema.catalog import Catalog
from inspector.schema.sources import Rank
from inspector.schema.wire import WireError, WireType, fields
from inspector.store.change import Change
from inspector.store.store import Store

ORIGIN: Final = "reflection seen in the capture"

_METHODS: Final = frozenset(
    f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo" for version in ("v1", "v1alpha")
)
_FILE_DESCRIPTOR_RESPONSE: Final = 4
"""The field of a ServerReflectionResponse (grpc/reflection/v1/reflection.proto) that holds files."""
_MAX_FILES: Final = 4_000
"""The whole of Google's public APIs is about twice as much; a service has hundreds at most."""
_MAX_BYTES: Final = 8 * 1024 * 1024
"""A little more than a second to build."""
_EAGER_BYTES: Final = 32 * 1024 * 1024
"""So many are built in all, each time from the beginning, as single files come; after that for a tenth more, or at
the end of a call."""
_MAX_ENDINGS: Final = 10
"""Of so many calls."""


class ReflectionSeen:
    """Adds to a catalog what reflection answers in a store tell. Call `update` with every change, in their order."""

    def __init__(self, store: Store, catalog: Catalog) -> None:
        self._store, self._catalog = store, catalog
        self._files: dict[str, FileDescriptorProto] = {}
        self._bytes = 0
        self._read: dict[StreamKey, int] = {}
        """How many replies of a call were read."""
        self._told = self._built = self._endings = 0

    def update(self, change: Change) -> bool:
        """Take in the new replies of reflection calls; True when the catalog knows more by it."""
        for key in change.gone:
            self._read.pop(key, None)
        calls = [self._store.calls[key] for key in change.calls if self._store.calls[key].method in _METHODS]
        for call in sorted(calls, key=lambda call: call.started):
            self._read_replies(call)
        growth = self._bytes - self._told
        is_over = any(call.state is not CallState.OPEN for call in calls)
        if not growth or not self._is_due(growth, is_over=is_over):
            return False
        self._built += self._bytes
        self._told = self._bytes
        self._catalog.add(FileDescriptorSet(file=self._files.values()), ORIGIN, Rank.SEEN)
        return True

    def _is_due(self, growth: int, *, is_over: bool) -> bool:
        if self._built < _EAGER_BYTES or growth >= self._told // 10:
            return True
        self._endings += is_over
        return is_over and self._endings <= _MAX_ENDINGS

    def _read_replies(self, call: Call) -> None:
        start = self._read.get(call.key, 0)
        for reply in call.responses[start:]:
            for file in _files_in(reply.data or b""):
                self._keep(file)
        self._read[call.key] = len(call.responses)

    def _keep(self, data: bytes) -> None:
        """Keep a file if its name is new: a service that says two things of one name is taken by its first word."""
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
    """The serialized files of a ServerReflectionResponse; none where it is something else, or no message at all."""
    try:
        answers = [field.value for field in fields(reply) if field.number == _FILE_DESCRIPTOR_RESPONSE]
        found = [part for answer in answers if isinstance(answer, bytes) for part in fields(answer)]
    except WireError:
        return ()
    return [part.value for part in found if part.wire_type is WireType.LEN and isinstance(part.value, bytes)]
