"""Compares two calls: what is equal, what differs, and what only one of them has."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby, islice
from typing import Final, NamedTuple, TypeAlias

from inspector.diagnosis.call_facts import method_name
from inspector.model.call import Call, HeaderBlock, Message, StreamKey
from inspector.model.frame import Side
from inspector.model.retained_list import RetainedList
from inspector.present.headers import call_status, named
from inspector.present.messages import read
from inspector.present.rows import kind_of
from inspector.present.spans import ARROWS, GAP, Line, Span, Tone, dotted, plain
from inspector.present.times import Times
from inspector.present.timing import Timing
from inspector.schema.catalog import Catalog
from inspector.store.store import Store
from inspector.text import clean, counted, duration, shortened, size

_MAX_FIELDS: Final = 20_000
"""Fields of a message that are compared."""


def flat(value: object) -> dict[str, str]:
    """Return every leaf of a value as JSON, by its path; the path of a value that is a leaf itself is `(value)`."""
    return dict(islice(_leaves(value, ""), _MAX_FIELDS))


def _leaves(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _leaves(each, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for index, each in enumerate(value):
            yield from _leaves(each, f"{path}[{index}]")
    else:
        yield path or "(value)", json.dumps(value, ensure_ascii=False, default=str)


Facts: TypeAlias = Mapping[str, str]
"""The facts of one side by name."""

SAME, DIFFERENT, LEFT, RIGHT = "=", "≠", "◀", "▶"
MARK_TONES: Final = {SAME: Tone.DIM, DIFFERENT: Tone.WARN, LEFT: Tone.ERROR, RIGHT: Tone.OK}
_MAX_VALUE: Final = 1_000
"""Characters of a value that are shown."""


class Difference(NamedTuple):
    """A fact with its value on each side; None for a side that does not have it."""

    name: str
    left: str | None
    right: str | None

    @property
    def mark(self) -> str:
        """Which of the four cases it is."""
        if self.left is None:
            return RIGHT
        if self.right is None:
            return LEFT
        return SAME if self.left == self.right else DIFFERENT

    def lines(self, width: int) -> tuple[Line, ...]:
        """Return one line, or three if both values do not fit into one."""
        name = Span(clean(self.name), Tone.DIM if self.mark is SAME else Tone.KEY)
        start = (Span(f"{self.mark} ", MARK_TONES[self.mark]), name)
        if self.mark is not DIFFERENT:
            value = self.left if self.left is not None else self.right
            return (Line((*start, Span(f": {_shown(value)}", MARK_TONES[self.mark]))),)
        left, right = (
            Span(f"{side} {_shown(value)}", MARK_TONES[side])
            for side, value in ((LEFT, self.left), (RIGHT, self.right))
        )
        beside = (*start, Span(": "), left, GAP, right)
        return (Line(beside),) if len(plain(beside)) <= width else (Line(start), Line((left,), 2), Line((right,), 2))


def differences(left: Facts, right: Facts) -> list[Difference]:
    """Return all facts in the order of the left side, then those that only the right side has."""
    return [Difference(name, left.get(name), right.get(name)) for name in {**left, **right}]


def _shown(value: str | None) -> str:
    return clean(shortened(value, _MAX_VALUE)) if value else "(empty)"


_EXCERPT: Final = 1_048_576
"""Bytes of a message that are decoded."""


class _EqualRun(NamedTuple):
    """A range of messages of one side: consecutive equal ones, or a single pair that differs."""

    side: Side
    start: int
    end: int
    is_same: bool


class Comparison:
    """Compares two calls as they are now. The result is computed in parts of a few lines each."""

    def __init__(self, store: Store, catalog: Catalog, left: StreamKey, right: StreamKey, width: int) -> None:
        """`width` is that of a line. Raises KeyError for a stream that is not a call."""
        self._store, self._catalog = store, catalog
        self._left, self._right = store.calls[left], store.calls[right]
        self._width = width
        self._parts: list[tuple[Line, ...] | _EqualRun] = [*self._sections()]

    def __len__(self) -> int:
        """Return the number of parts."""
        return len(self._parts)

    def part(self, index: int) -> tuple[Line, ...]:
        """Return the lines of one part."""
        part = self._parts[index]
        return tuple(self._run_lines(part)) if isinstance(part, _EqualRun) else part

    def _sections(self) -> Iterator[tuple[Line, ...] | _EqualRun]:
        left, right = self._left, self._right
        yield self._legend()
        yield self._section("Call", differences(self._call_facts(left), self._call_facts(right)))
        yield self._timing_part()
        yield self._section("Request headers", _headers(left.request_headers, right.request_headers))
        yield from self._messages("Requests", Side.CLIENT)
        yield self._section("Response headers", _headers(left.response_headers, right.response_headers))
        yield from self._messages("Replies", Side.SERVER)
        yield self._section("Trailers", _headers(left.trailers, right.trailers))
        yield self._section("Frames", differences(self._frame_facts(left), self._frame_facts(right)))

    def _section(self, title: str, found: list[Difference]) -> tuple[Line, ...]:
        different = sum(each.mark is not SAME for each in found)
        count = (f"{different} of {len(found)} differ" if found else "none",)
        return (
            Line((Span(title, Tone.KEYWORD), GAP, *dotted(count))),
            *(line for each in found for line in each.lines(self._width)),
            Line(),
        )

    def _legend(self) -> tuple[Line, ...]:
        sides = (
            Line(
                (
                    Span(f"{mark} call {call.key}  ", MARK_TONES[mark]),
                    *named(method_name(call, self._catalog)),
                    GAP,
                    why,
                )
            )
            for mark, call, why in (
                (LEFT, self._left, Span("marked", Tone.DIM)),
                (RIGHT, self._right, Span("selected", Tone.DIM)),
            )
        )
        marks = f"{SAME} the same   {DIFFERENT} different   {LEFT} {RIGHT} only one of them has it"
        return (*sides, Line((Span(marks, Tone.DIM),)), Line())

    def _call_facts(self, call: Call) -> Facts:
        known, connection = method_name(call, self._catalog), self._store.connections[call.key.connection]
        facts = {
            "client": str(connection.client),
            "server": str(connection.server),
            "method": plain(named(known)),
            "kind": kind_of(call, self._catalog),
            "status": plain(call_status(call)),
            "message": call.status.message if call.status else None,
            "state": call.state.value,
            "requests": f"{counted(len(call.requests), 'message')}, {size(call.request_bytes)} of DATA",
            "replies": f"{counted(len(call.responses), 'message')}, {size(call.response_bytes)} of DATA",
            "problems": "  ".join(call.problems),
        }
        return {name: value for name, value in facts.items() if value}

    def _timing_part(self) -> tuple[Line, ...]:
        origin = Times.of(self._store)
        both = [(call, Timing(self._store, call.key)) for call in (self._left, self._right)]
        facts = [
            {"start": origin.show(call.started), **{name: duration(seconds) for name, seconds, _ in timing.spent()}}
            for call, timing in both
        ]
        longest = max(timing.length for _, timing in both)
        strips = [
            Line((Span(f"{mark} " if index == 0 else "  ", MARK_TONES[mark]), *line.spans))
            for mark, (_, timing) in zip((LEFT, RIGHT), both, strict=True)
            for index, line in enumerate(timing.strip(self._width - 2, longest)[:3])
        ]
        return (*self._section("Timing", differences(*facts))[:-1], *strips, Line())

    def _frame_facts(self, call: Call) -> Facts:
        count: Counter[str] = Counter()
        octets: Counter[str] = Counter()
        for position in call.frames:
            frame = self._store.frames[position]
            name = f"{ARROWS[self._store.side(frame)]} {frame.type_name}"
            count[name] += 1
            octets[name] += frame.length
        return {name: f"{counted(count[name], 'frame')}, {size(octets[name])}" for name in count}

    def _messages(self, title: str, side: Side) -> Iterator[tuple[Line, ...] | _EqualRun]:
        left, right = self._left.messages(side), self._right.messages(side)
        has_same_types = method_name(self._left, self._catalog).method == method_name(self._right, self._catalog).method
        pairs = range(max(left.first, right.first), max(len(left), len(right)))
        runs = [_EqualRun(side, index, index + 1, has_same_types and _is_same(left, right, index)) for index in pairs]
        joined = list(_joined(runs))
        different = sum(not run.is_same for run in joined)
        count = (f"{different:,} of {len(pairs):,} differ" if pairs else "none",)
        yield (Line((Span(title, Tone.KEYWORD), GAP, *dotted(count))),)
        yield from joined
        yield (Line(),)

    def _run_lines(self, run: _EqualRun) -> Iterator[Line]:
        if run.is_same:
            numbers = f"{run.start + 1:,}" if run.end == run.start + 1 else f"{run.start + 1:,} to {run.end:,}"
            yield Line((Span(f"{SAME} message {numbers}", Tone.DIM),))
            return
        left, right = (self._fields(call, run.side, run.start) for call in (self._left, self._right))
        fields = differences(left or {}, right or {})
        same = sum(each.mark is SAME for each in fields)
        mark = LEFT if right is None else RIGHT if left is None else DIFFERENT
        facts = f"  {counted(same, 'field')} the same" if same else ""
        yield Line((Span(f"{mark} message {run.start + 1:,}", MARK_TONES[mark]), Span(facts, Tone.DIM)))
        for each in fields:
            if each.mark is not SAME:
                yield from (Line(line.spans, line.indent + 1) for line in each.lines(self._width - 4))

    def _fields(self, call: Call, side: Side, index: int) -> Facts | None:
        """Return the fields of a message by their paths; None if there is no such message."""
        messages = call.messages(side)
        if not messages.holds(index):
            return None
        reading = read(call, side, messages[index], self._catalog, _EXCERPT)
        if messages[index].data is None:
            return {"missing": reading.reason}
        return {"type": reading.type or reading.format.value, **flat(reading.value)}


def _headers(left: HeaderBlock | None, right: HeaderBlock | None) -> list[Difference]:
    return differences(_header_facts(left), _header_facts(right))


def _header_facts(block: HeaderBlock | None) -> Facts:
    """Return values by name, those of one name joined, each with how it is known if it was not simply read."""
    facts: dict[str, str] = {}
    if block is None:
        return facts
    sources = dict(block.sources)
    for index, (name, value) in enumerate(block.headers):
        source = sources.get(index)
        shown = value if source is None else f"{value or '?'} ({source})"
        facts[name or "?"] = f"{facts[name]}, {shown}" if name in facts else shown
    return facts


def _is_same(left: RetainedList[Message], right: RetainedList[Message], index: int) -> bool:
    if not (left.holds(index) and right.holds(index)):
        return False
    return left[index].data is not None and left[index].data == right[index].data


def _joined(runs: Iterable[_EqualRun]) -> Iterator[_EqualRun]:
    for is_same, group in groupby(runs, key=lambda run: run.is_same):
        if is_same:
            first, *rest = group
            yield first._replace(end=rest[-1].end if rest else first.end)
        else:
            yield from group
