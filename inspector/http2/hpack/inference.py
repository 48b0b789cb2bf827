"""Infers table entries that were never seen from the header order of known implementations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from inspector.http2.hpack.header_order import ANY, METADATA, RANKS, BlockRole, fitting, possible_names
from inspector.http2.hpack.table import HeaderEntry, UnknownEntry
from inspector.model.frame import HeaderSource

_BLOCKS_BOUND: Final = 1024
"""Different blocks that are weighed; what more of them could tell is little."""

Block: TypeAlias = tuple[str | UnknownEntry, ...]
"""The names of a block's headers, in order; a place where the name is of an entry never seen."""


class SenderOrders:
    """What the blocks of one direction, given one by one, tell of the names of its places."""

    __slots__ = ("_blocks", "_names", "_ranks")

    def __init__(self) -> None:
        self._blocks: dict[tuple[BlockRole, Block], None] = {}
        self._ranks = RANKS
        self._names: dict[UnknownEntry, frozenset[str]] = {}

    def name(self, place: UnknownEntry) -> str | None:
        """What the header of a place is called; None where several names are left."""
        names = self._names.get(place, frozenset())
        return next(iter(names)) if len(names) == 1 and not names & {METADATA, ANY} else None

    def places(self, name: str) -> list[UnknownEntry]:
        """Those of which the header is called so."""
        return [place for place in self._names if self.name(place) == name]

    def is_certain(self, place: UnknownEntry) -> bool:
        """True when all implementations that fit say the same of a place, those of all ranks."""
        senders = frozenset().union(*self._ranks)
        found = (self._possible(part, block, senders) for part, block in self._blocks if place in block)
        return all(names.get(place, frozenset()) <= self._names[place] for names in found)

    def observe(self, part: BlockRole, block: Block) -> set[UnknownEntry]:
        """Take in a block; the places that are called otherwise now, or for the first time."""
        if (part, block) in self._blocks or len(self._blocks) >= _BLOCKS_BOUND:
            return set()
        self._blocks[part, block] = None
        names, believed = _names(block), self._believed
        self._ranks = tuple(fitting(part, names, rank) for rank in self._ranks)
        if believed == self._believed:
            return set(self._narrow(part, block))
        before, self._names = self._names, {}
        for each in self._blocks:
            set(self._narrow(*each))
        return {place for place in before.keys() | self._names if before.get(place) != self._names.get(place)}

    def forget(self, epoch: int) -> None:
        """Know nothing more of the places of an epoch and of those before."""
        self._names = {place: names for place, names in self._names.items() if place.epoch > epoch}
        old = [
            key
            for key in self._blocks
            if any(isinstance(each, UnknownEntry) and each.epoch <= epoch for each in key[1])
        ]
        for key in old:
            del self._blocks[key]

    @property
    def _believed(self) -> frozenset[str]:
        return next(filter(None, self._ranks), frozenset())

    def _narrow(self, part: BlockRole, block: Block) -> Iterator[UnknownEntry]:
        for place, possible in self._possible(part, block, self._believed).items():
            before = self._names.get(place)
            self._names[place] = possible if before is None else before & possible
            if self._names[place] != before:
                yield place

    def _possible(self, part: BlockRole, block: Block, senders: frozenset[str]) -> dict[UnknownEntry, frozenset[str]]:
        """What each place of a block may be called."""
        each = [possible_names(part, _names(block), sender) for sender in senders]
        known = [names if all(names) else (frozenset({ANY}),) * len(block) for names in each]
        return {
            entry: frozenset().union(*(names[at] for names in known))
            for at, entry in enumerate(block)
            if isinstance(entry, UnknownEntry)
        }


def _names(block: Block) -> tuple[str | None, ...]:
    return tuple(None if isinstance(each, UnknownEntry) else each for each in block)


_USES_BOUND: Final = 20_000
"""Frames of a direction that are told anew; those before stay as they were told."""
_LEAST_ENDINGS: Final = 2
_CONSTANT: Final = frozenset(
    {":authority", "content-type", "te", "user-agent", "grpc-accept-encoding", "accept-encoding"}
)
"""Headers that a client or server sends with one value on all streams of a connection, near enough for a guess."""


_CALLED_BEFORE: Final = "the only method on earlier connections of this client to this server"
_SENT_AGAIN: Final = "the same sender sent this value later, and this entry no more"


class Known(NamedTuple):
    """What is thought of a placeholder."""

    name: str
    value: str | None
    source: HeaderSource
    reason: str


class Placeholders:
    """The entries never seen of one direction."""

    def __init__(self, earlier_paths: Callable[[], frozenset[str]] = frozenset) -> None:
        """Begin with nothing seen; `earlier_paths` gives the methods that the same two called before, when asked."""
        self._earlier_paths = earlier_paths
        self._known: dict[UnknownEntry, Known] = {}
        self._by_hand: dict[UnknownEntry, Known] = {}
        self._orders = SenderOrders()
        self._endings: defaultdict[UnknownEntry, list[bool]] = defaultdict(list)
        self._uses: defaultdict[UnknownEntry, list[int]] = defaultdict(list)
        self._changed: set[UnknownEntry] = set()

    def get(self, place: UnknownEntry) -> Known | None:
        """What is thought of a placeholder: by hand first."""
        return self._by_hand.get(place) or self._known.get(place)

    def known_name(self, place: UnknownEntry) -> bytes | None:
        """What its header is called, where that is known."""
        return known.name.encode() if (known := self.get(place)) else None

    def note(self, place: UnknownEntry) -> str:
        """Why a placeholder is taken for what it is, or what it may be."""
        if known := self.get(place):
            return known.reason
        name = self.name(place)
        if name:
            return f"probably {name}, by its place among the headers"
        return "sent in bytes that were not captured" if place.epoch else "sent before the capture began"

    def name(self, place: UnknownEntry) -> str | None:
        """What its header is called, as a guess where nothing better is known; None where several names are left."""
        if known := self.get(place):
            return known.name
        return self._orders.name(place)

    def use(self, position: int, entries: Sequence[HeaderEntry], part: BlockRole | None, *, has_reply: bool) -> None:
        """A block with these entries was read in the frame at this position."""
        for entry in entries:
            if entry.place is not None:
                self._on_use(entry.place, position)
        if part is None:
            return
        for place in self._orders.observe(part, tuple(map(_name_or_place, entries))):
            self._on_named(place)
        for entry in entries:
            if entry.place is not None and entry.name is None:
                if entry.value is None and part is BlockRole.TRAILERS and self.name(entry.place) == "grpc-status":
                    self._on_ending(entry.place, has_reply=has_reply)
            elif entry.name is not None and entry.value is not None and entry.from_table is False:
                self._on_literal(entry.name.decode(errors="replace"), entry.value.decode(errors="replace"))

    def learn(self, place: UnknownEntry, known: Known | None) -> None:
        """Take in what other evidence says of a placeholder."""
        if known != self._known.get(place):
            self._changed.add(place)
            if known is None:
                del self._known[place]
            else:
                self._known[place] = known

    def call_by_hand(self, place: UnknownEntry, value: str | None) -> None:
        """A person says what the path is; None takes it back."""
        self._changed.add(place)
        if value is None:
            self._by_hand.pop(place, None)
        else:
            self._by_hand[place] = Known(":path", value, HeaderSource.GUESSED, "named by hand")

    def places(self, epoch: int) -> Iterator[UnknownEntry]:
        """The placeholders of an epoch that were used."""
        return (place for place in self._uses if place.epoch == epoch)

    def forget(self, epoch: int) -> None:
        """Know nothing more of the placeholders of an epoch and of those before."""
        self._orders.forget(epoch)
        for known in (self._known, self._by_hand, self._endings, self._uses):
            for place in [place for place in known if place.epoch <= epoch]:
                del known[place]
        self._changed = {place for place in self._changed if place.epoch > epoch}

    def changed(self) -> list[int]:
        """Positions of the frames that have to be told anew; each change is told once."""
        positions = {position for place in self._changed for position in self._uses[place]}
        self._changed.clear()
        return sorted(positions)

    def _on_use(self, place: UnknownEntry, position: int) -> None:
        if len(uses := self._uses[place]) < _USES_BOUND:
            uses.append(position)
        if (known := self._known.get(place)) is not None and known.reason == _SENT_AGAIN:
            self.learn(place, None)  # a sender that still has the entry would not have sent the same one again

    def _on_named(self, place: UnknownEntry) -> None:
        """The orders say something else of a placeholder than before."""
        name, known = self._orders.name(place), self._known.get(place)
        if known is not None and known.source is HeaderSource.GUESSED and known.name != name:
            self.learn(place, None)
        if len(self._uses[place]) > 1:  # the frame that is being read is told with what is known by now
            self._changed.add(place)
        if name == ":path":
            self._on_path(place)
        elif name == "te" and self._orders.is_certain(place):
            self.learn(place, Known("te", "trailers", HeaderSource.GUESSED, "gRPC knows no other value of te"))

    def _on_path(self, place: UnknownEntry) -> None:
        """A method that was never seen: the one that the two have always called, where they called only one."""
        paths = self._orders.places(":path")
        called = self._earlier_paths() if len(paths) == 1 else frozenset[str]()
        if len(called) == 1:
            self.learn(place, Known(":path", next(iter(called)), HeaderSource.GUESSED, _CALLED_BEFORE))
        elif len(paths) > 1:  # different entries are different methods
            for each in paths:
                if (known := self._known.get(each)) is not None and known.reason == _CALLED_BEFORE:
                    self.learn(each, None)

    def _on_ending(self, place: UnknownEntry, *, has_reply: bool) -> None:
        """The same status ends every stream: where all of them had replies it will be OK, but that is a guess."""
        endings = self._endings[place]
        if len(endings) < _USES_BOUND:
            endings.append(has_reply)
        if len(endings) >= _LEAST_ENDINGS and place not in self._known and all(endings):
            reason = f"the same status ends {len(endings)} streams, each of which had a reply"
            self.learn(place, Known("grpc-status", "0", HeaderSource.GUESSED, reason))
        elif not has_reply and known_status(self._known.get(place)):
            self.learn(place, None)

    def _on_literal(self, name: str, value: str) -> None:
        if name not in _CONSTANT:
            return
        for place in [place for place in self._orders.places(name) if self.get(place) is None]:
            self.learn(place, Known(name, value, HeaderSource.GUESSED, _SENT_AGAIN))


def _name_or_place(entry: HeaderEntry) -> str | UnknownEntry:
    if entry.name is None and entry.place is not None:
        return entry.place
    return (entry.name or b"").decode(errors="replace")


def known_status(known: Known | None) -> bool:
    """True where a status was guessed."""
    return known is not None and known.name == "grpc-status" and known.source is HeaderSource.GUESSED
