"""The filter that a person types, as one thing that says yes or no to a frame and to a call.

The language: words match anywhere (`greet World`); `key:value` for method, status, type, stream, connection and sender;
`method:/a.B/C$` where nothing may follow; `"quoted words"`; `-word`, `-key:value` or `not:…` for what must not match;
among words, Wireshark's `tcp.port`, `tcp.stream`, `http2.streamid` with `==` or `!=`. All parts must match.
Letters' case never matters. Parsing is `filter_parse`'s, matching `filter_match`'s; there is no OR. Which texts are
display filters instead, and so tshark's to match, `filter_language` tells.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from inspector.model.call import Call, StreamKey
from inspector.store import filter_match as match
from inspector.store.filter_match import Numbers, Probe
from inspector.store.filter_parse import Term, parse_terms
from inspector.store.method_totals import UNKNOWN
from inspector.store.store import Store


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter. Without terms it lets everything through."""

    text: str
    terms: tuple[Term, ...] = ()
    packets: Numbers | None = None
    """The packets that a display filter lets through, as far as they are known; None for a filter of words."""

    @property
    def depends_on_calls(self) -> bool:
        """True when what is learnt of a call later can change whether an earlier frame matches."""
        return any(term.probe.learns for term in self.terms)

    @property
    def depends_on_sides(self) -> bool:
        """True when the answer changes with who is taken for the client."""
        return any(term.probe.by_side for term in self.terms)

    def matches_frame(self, store: Store, position: int) -> bool:
        """True when every part of the filter matches the frame at a position, or the call it belongs to."""
        return self.tester(store)(position)

    def tester(self, store: Store) -> Callable[[int], bool]:
        """`matches_frame` of one store, for whoever asks about many frames."""
        frame_at, calls = store.frames.reader(), cast("dict[tuple[int, int], Call]", store.calls)
        asked = tuple((probe.call, probe.frame, negated) for (probe, negated) in self.terms)

        def matches(position: int) -> bool:
            frame = frame_at(position)
            # A plain tuple finds what a StreamKey does, and is made in half the time.
            call = calls.get((frame.connection, frame.stream)) if frame.stream else None
            if call is not None and (call.opened is None or position < call.opened):
                call = None  # a PRIORITY, say, on a stream that was no call yet
            for in_call, in_frame, negated in asked:
                found = (call is not None and in_call is not None and in_call(store, call)) or (
                    in_frame is not None and in_frame(store, position, frame, call)
                )
                if found is negated:
                    return False
            return True

        return matches

    def matches_call(self, store: Store, key: StreamKey) -> bool:
        """True when every part of the filter matches the call, or one of its frames."""
        call = store.calls[key]
        return all(_is_in(probe, store, call) is not negated for probe, negated in self.terms)


def _is_in(probe: Probe, store: Store, call: Call) -> bool:
    if probe.call is not None and probe.call(store, call):
        return True
    if probe.frame is None:
        return False
    frames, look = store.frames, probe.frame
    return any(look(store, position, frames[position], call) for position in call.frames)


def display_filter(text: str, packets: Numbers) -> Filter:
    """A filter in Wireshark's language: what it means, tshark knows, which tells the packets by and by."""
    return Filter(text, (Term(match.packet(packets), negated=False),), packets)


EVERYTHING: Final = Filter("")


def method_filter(path: str) -> str:
    """The text of the filter for the calls of a method, or for those whose method is not known."""
    if path == UNKNOWN:
        return "-method:/"
    before, quote, _ = path.partition('"')  # what is behind a quote cannot be written
    value = before if quote else f"{path}$"
    return f'method:"{value}"' if quote or any(map(str.isspace, value)) else f"method:{value}"


def parse(text: str) -> Filter:
    """The filter that a text means; FilterError, with a sentence and a hint, for one that means nothing."""
    return Filter(text, parse_terms(text))
