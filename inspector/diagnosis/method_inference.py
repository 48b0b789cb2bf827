"""Infers the methods behind the `:path` entries of an HPACK table that were never seen, from all calls that used them.

A capture that begins after its connection did refers to table entries whose value was sent before. One entry has one
value, so the messages of all its calls restrict what it can be: what is left are candidates. Two live entries of one
table hardly ever have the same value, so entries restrict each other: what follows from that is only a guess.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from inspector.model.call import Call, CallKind, CallState, Message, PathEntry, PathTable, StreamKey
from inspector.model.retained_list import RetainedList
from inspector.schema.catalog import GREET_ORIGIN, Catalog, Method
from inspector.schema.typed import Fit, fit

_CALLS_EXAMINED: Final = 256
"""Calls of one entry. A method that fits these fits those behind them too."""
_MESSAGES_EXAMINED: Final = 8
"""Per call and side."""
_LONGEST_EXAMINED: Final = 65_536
"""Bytes of a message."""
_ENOUGH_CALLS: Final = 3
"""Calls that agree before what they have in common is taken for a rule."""

_STREAMS_REQUESTS: Final = frozenset({CallKind.CLIENT_STREAMING, CallKind.BIDI_STREAMING})
_STREAMS_REPLIES: Final = frozenset({CallKind.SERVER_STREAMING, CallKind.BIDI_STREAMING})

Key = TypeVar("Key", bound=Hashable)


class InferredMethod(NamedTuple):
    """What is inferred about the method of an entry."""

    candidates: tuple[str, ...]
    """The paths of the methods that fit all messages; empty where no message was informative."""
    guess: str | None
    """The only one of them that is likely."""


class CallSample(NamedTuple):
    """What one call says about its method."""

    requests: tuple[bytes, ...]
    replies: tuple[bytes, ...]
    """The first few messages of each side."""
    request_count: int
    reply_count: int
    is_complete: bool

    @classmethod
    def of(cls, call: Call) -> CallSample:
        """Return the sample of a call, as much as there is of it now."""
        is_complete = call.state is CallState.COMPLETE
        return cls(
            *(_first(call.requests), _first(call.responses), len(call.requests), len(call.responses), is_complete)
        )

    def fit(self, method: Method, catalog: Catalog) -> Fit:
        """Return how well the messages and their number fit a method."""
        sent = catalog.message_class(method.request_type, method.origin)
        returned = catalog.message_class(method.response_type, method.origin)
        is_one_too_many = (self.request_count > 1 and method.kind not in _STREAMS_REQUESTS) or (
            self.reply_count > 1 and method.kind not in _STREAMS_REPLIES
        )
        if sent is None or returned is None or is_one_too_many:
            return Fit.NONE
        # An empty message fits every type, of which there may be thousands as long as no other has come.
        both = ((sent, self.requests), (returned, self.replies))
        return min((fit(kind, data) for kind, messages in both for data in messages if data), default=Fit.USUAL)


def _first(messages: RetainedList[Message]) -> tuple[bytes, ...]:
    found = (each.data for each in islice(messages, _MESSAGES_EXAMINED))
    return tuple(data for data in found if data is not None and len(data) <= _LONGEST_EXAMINED)


@dataclass(slots=True)
class PathEvidence:
    """What the calls that used one entry say about its method."""

    candidates: dict[str, Method]
    """By path: the methods that fit every message."""
    is_informative: bool = False
    """True once a message was not empty; an empty one fits every type."""
    unusual: set[str] = field(default_factory=set)
    """Candidates for whose types a message is valid, but not as usual encoders write it."""
    requests: Counter[int] = field(default_factory=Counter)
    replies: Counter[int] = field(default_factory=Counter)
    """Messages of a side → complete calls that had so many."""
    empty_requests: int = 0
    """Complete calls whose only request is an empty message."""
    examined: set[StreamKey] = field(default_factory=set)
    """The calls that had ended when they were examined."""

    @classmethod
    def of(cls, catalog: Catalog) -> PathEvidence:
        """Return evidence without a call: every method is a candidate, but for those of the built-in greet service."""
        return cls({path: method for path, method in catalog.methods.items() if method.origin != GREET_ORIGIN})

    def examine_all(self, calls: Mapping[StreamKey, Call], catalog: Catalog) -> None:
        """Drop the candidates that the calls exclude; those that are still open are examined again the next time."""
        for key, call in calls.items():
            if len(self.examined) >= _CALLS_EXAMINED:
                return
            if key not in self.examined:
                self.examine(CallSample.of(call), catalog)
            if call.state is not CallState.OPEN:
                self.examined.add(key)

    def examine(self, sample: CallSample, catalog: Catalog) -> None:
        """Drop the candidates that one call excludes."""
        for path, method in tuple(self.candidates.items()):
            fits = sample.fit(method, catalog)
            if fits is Fit.NONE:
                del self.candidates[path]
            elif fits is Fit.UNUSUAL:
                self.unusual.add(path)
        self.is_informative = self.is_informative or any(sample.requests) or any(sample.replies)
        if sample.is_complete:
            self.requests[sample.request_count] += 1
            self.replies[sample.reply_count] += 1
            self.empty_requests += sample.requests == (b"",)

    def likely(self, catalog: Catalog) -> frozenset[str]:
        """Return the candidates that also agree with what encoders and services usually do, or all where none does."""
        found = set(self.candidates)
        for preferred in (self._of_usual_encoders(), self._of_one_message(), self._of_empty_requests(catalog)):
            found = found & preferred or found
        return frozenset(found)

    def result(self, likely: frozenset[str]) -> InferredMethod:
        """Return what is inferred where these are likely."""
        candidates = tuple(self.candidates) if self.is_informative else ()
        return InferredMethod(candidates, next(iter(likely)) if len(likely) == 1 and candidates else None)

    def _of_usual_encoders(self) -> set[str]:
        return self.candidates.keys() - self.unusual

    def _of_one_message(self) -> set[str]:
        """Streams of one message are possible, but not likely to be all that were seen."""
        found = set(self.candidates)
        for counts, streaming in ((self.requests, _STREAMS_REQUESTS), (self.replies, _STREAMS_REPLIES)):
            if counts[1] >= _ENOUGH_CALLS and not any(count > 1 for count in counts):
                found -= {path for path, method in self.candidates.items() if method.kind in streaming}
        return found

    def _of_empty_requests(self, catalog: Catalog) -> set[str]:
        """A type with fields is not likely to have all of them unset in every request."""
        if self.empty_requests < _ENOUGH_CALLS:
            return set(self.candidates)
        types = {path: catalog.message_class(each.request_type, each.origin) for path, each in self.candidates.items()}
        return {path for path, found in types.items() if found is not None and not found.DESCRIPTOR.fields}


class _Table:
    """What is inferred about one table from one state of the schema; by the index of an entry."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog_revision = catalog.revision
        self._revision = -1
        self._evidence: list[PathEvidence] = []
        self._inferred: list[InferredMethod] = []

    def infer(self, entry: PathEntry, catalog: Catalog) -> InferredMethod:
        if self._revision != entry.table.revision:
            self._revision = entry.table.revision
            self._inferred = self._infer_all(entry.table.entries, catalog)
        return self._inferred[entry.index]

    def _infer_all(self, entries: Sequence[PathEntry], catalog: Catalog) -> list[InferredMethod]:
        self._evidence += [PathEvidence.of(catalog) for _ in entries[len(self._evidence) :]]
        likely: dict[int, frozenset[str]] = {}
        for entry, evidence in zip(entries, self._evidence, strict=True):
            evidence.examine_all(entry.calls, catalog)
            known = next((call.method for call in entry.calls.values() if call.method is not None), None)
            likely[entry.index] = evidence.likely(catalog) if known is None else frozenset({known})
        left = exclude(likely)
        return [evidence.result(left[index]) for index, evidence in enumerate(self._evidence)]


# By table, which is gone with its capture. The values refer to no entry, as that would keep the table for ever.
_TABLES: Final[WeakKeyDictionary[PathTable, WeakKeyDictionary[Catalog, _Table]]] = WeakKeyDictionary()


def infer_method(call: Call, catalog: Catalog) -> InferredMethod:
    """Infer the method of a call, together with all calls whose methods are in the same table."""
    entry = call.path_entry
    if entry is None:
        return _infer_alone(CallSample.of(call), catalog, catalog.revision)
    by_catalog = _TABLES.setdefault(entry.table, WeakKeyDictionary())
    table = by_catalog.get(catalog)
    if table is None or table.catalog_revision != catalog.revision:
        table = by_catalog[catalog] = _Table(catalog)
    return table.infer(entry, catalog)


@lru_cache(maxsize=512)
def _infer_alone(sample: CallSample, catalog: Catalog, _revision: int) -> InferredMethod:
    evidence = PathEvidence.of(catalog)
    evidence.examine(sample, catalog)
    return evidence.result(frozenset(evidence.candidates))


def exclude(likely: Mapping[Key, frozenset[str]]) -> dict[Key, frozenset[str]]:
    """Restrict the entries of one table by each other: n entries that can only be the same n paths take these.

    An entry for which nothing would be left has a path of its own that no schema knows, or one that is in the table
    twice: it keeps what its own calls say.
    """
    left, is_settled = dict(likely), False
    while not is_settled:
        is_settled = True
        for taken, entries in Counter(left.values()).items():
            if entries < len(taken):
                continue
            for key, paths in left.items():
                if paths & taken and paths != taken and paths - taken:
                    left[key] = paths - taken
                    is_settled = False
    return left
