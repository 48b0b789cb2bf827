"""Infers the values of unknown table entries: from how they are used, and by counting what a loss inserted."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from inspector.http2.framings import BINARY_SUFFIX, binary_value
from inspector.http2.hpack.header_order import BlockRole, SenderOrders
from inspector.http2.hpack.table import HeaderEntry, HpackTable, UnknownEntry
from inspector.model.frame import HeaderSource

_MAX_USES: Final = 20_000
"""Frames with one entry that are revised when more is inferred; later ones stay as they are."""
_LEAST_ENDINGS: Final = 2
"""Streams that one status ended, each of which had a reply, for it to be OK."""
_LEAST_USUAL: Final = 8
_SHARE_OF_OK: Final = 0.9
"""Streams with replies, and their share of all of these, that one status must have ended for it to be OK although other
streams without a reply ended with it too."""
_MAX_ALWAYS_COMPARED: Final = 512
"""Endings after each of which all statuses of the table are compared."""
_CONSTANT: Final = frozenset(
    {":authority", "content-type", "te", "user-agent", "grpc-accept-encoding", "accept-encoding"}
)
"""Headers that a peer nearly always sends with the same value on all streams of a connection: enough for a guess."""

_REASON_CALLED_BEFORE: Final = "the only method on earlier connections of this client to this server"
_REASON_SENT_AGAIN: Final = "the same sender sent this value again later, and did not use this entry again"
_REASON_LOSS: Final = "it came from the header table after bytes were lost"


def text_of(raw: bytes) -> str:
    """Return a name, or a value that is not binary metadata."""
    return raw.decode(errors="replace")


def value_of(entry: HeaderEntry, name: str | None = None) -> str:
    """Return a value as text; `name` is the inferred name of a header whose entry has none."""
    is_binary = (name or text_of(entry.name or b"")).endswith(BINARY_SUFFIX)
    return binary_value(entry.value or b"") if is_binary else text_of(entry.value or b"")


_ENDS: Final = (BlockRole.TRAILERS, BlockRole.TRAILERS_ONLY)


class Inferred(NamedTuple):
    """What is inferred of an unknown entry."""

    name: str
    value: str | None
    source: HeaderSource
    reason: str


class _Endings:
    """What the streams that an unknown status ended say about it."""

    __slots__ = ("code", "count", "has_message", "with_reply")

    def __init__(self) -> None:
        self.count = 0
        self.with_reply = 0
        self.has_message = False
        """True when one of them had a `grpc-message`, which OK does not."""
        self.code: int | None = None
        """The code in `grpc-status-details-bin` of one of them."""


class UnknownEntries:
    """The unknown entries of one direction, and what is inferred of them."""

    def __init__(self, earlier_paths: Callable[[], frozenset[str]] = frozenset) -> None:
        """Begin without any; `earlier_paths` returns the methods that the client called on this server before."""
        self._earlier_paths = earlier_paths
        self._inferred: dict[UnknownEntry, Inferred] = {}
        self._named_by_user: dict[UnknownEntry, Inferred] = {}
        self._orders = SenderOrders()
        self._endings: defaultdict[UnknownEntry, _Endings] = defaultdict(_Endings)
        """By entry that holds a status."""
        self._endings_seen = 0
        self._uses: defaultdict[UnknownEntry, list[int]] = defaultdict(list)
        """By entry: positions of the frames that use it."""
        self._changed: set[UnknownEntry] = set()

    def get(self, entry: UnknownEntry) -> Inferred | None:
        """Return what is inferred of an entry; what the user said comes first."""
        return self._named_by_user.get(entry) or self._inferred.get(entry)

    def raw_name(self, entry: UnknownEntry) -> bytes | None:
        """Return the inferred name of an entry's header, without guesses from the order."""
        return inferred.name.encode() if (inferred := self.get(entry)) else None

    def note(self, entry: UnknownEntry) -> str:
        """Return why an entry's value is what is shown, or what the header probably is."""
        if inferred := self.get(entry):
            return inferred.reason
        name = self.name(entry)
        if name:
            return f"probably {name}, by its position among the headers"
        return "sent in bytes that were not captured" if entry.epoch else "sent before the capture began"

    def name(self, entry: UnknownEntry) -> str | None:
        """Return the name of an entry's header, guessed from the order if need be; None while several are possible."""
        if inferred := self.get(entry):
            return inferred.name
        return self._orders.name(entry)

    def use(self, position: int, entries: Sequence[HeaderEntry], role: BlockRole | None, *, has_reply: bool) -> None:
        """Infer from a block in the frame at a position; `role` is None where it is not certain."""
        for entry in entries:
            if entry.unknown is not None:
                self._on_use(entry.unknown, position)
        if role is None:
            return
        for unknown in self._orders.observe(role, tuple(map(_name_or_unknown, entries))):
            self._on_named(unknown)
        for entry in entries:
            if entry.unknown is not None and entry.name is None:
                if entry.value is None and role in _ENDS and self.name(entry.unknown) == "grpc-status":
                    self._on_ending(entry.unknown, entries, has_reply=has_reply)
            elif entry.name is not None and entry.value is not None and entry.from_table is False:
                self._on_literal(text_of(entry.name), text_of(entry.value))

    def set(self, entry: UnknownEntry, inferred: Inferred | None) -> None:
        """Replace what is inferred of an entry; None removes it."""
        if inferred != self._inferred.get(entry):
            self._changed.add(entry)
            if inferred is None:
                del self._inferred[entry]
            else:
                self._inferred[entry] = inferred

    def name_path(self, entry: UnknownEntry, path: str | None) -> None:
        """Record the path that the user gave for an entry; None removes it."""
        self._changed.add(entry)
        if path is None:
            self._named_by_user.pop(entry, None)
        else:
            self._named_by_user[entry] = Inferred(":path", path, HeaderSource.GUESSED, "named by hand")

    def used(self, epoch: int) -> Iterator[UnknownEntry]:
        """Yield the entries of an epoch that were used."""
        return (entry for entry in self._uses if entry.epoch == epoch)

    def forget(self, epoch: int) -> None:
        """Forget the entries of an epoch and of those before."""
        self._orders.forget(epoch)
        for by_entry in (self._inferred, self._named_by_user, self._endings, self._uses):
            for entry in [entry for entry in by_entry if entry.epoch <= epoch]:
                del by_entry[entry]
        self._changed = {entry for entry in self._changed if entry.epoch > epoch}

    def take_changed(self) -> list[int]:
        """Return the positions of the frames whose headers are known differently since the last call."""
        positions = {position for entry in self._changed for position in self._uses[entry]}
        self._changed.clear()
        return sorted(positions)

    def _on_use(self, entry: UnknownEntry, position: int) -> None:
        if len(uses := self._uses[entry]) < _MAX_USES:
            uses.append(position)
        if (inferred := self._inferred.get(entry)) is not None and inferred.reason == _REASON_SENT_AGAIN:
            self.set(entry, None)  # a sender that still has the entry would not have sent the value as a literal

    def _on_named(self, entry: UnknownEntry) -> None:
        """Infer from what the header orders now say of an entry's name."""
        name, inferred = self._orders.name(entry), self._inferred.get(entry)
        if inferred is not None and inferred.source is HeaderSource.GUESSED and inferred.name != name:
            self.set(entry, None)
        if len(self._uses[entry]) > 1:  # the frame being read is emitted with what is known now
            self._changed.add(entry)
        if name == ":path":
            self._on_path(entry)
        elif name == "te" and self._orders.is_certain(entry):
            self.set(entry, Inferred("te", "trailers", HeaderSource.GUESSED, "gRPC defines no other value of te"))

    def _on_path(self, entry: UnknownEntry) -> None:
        """Guess a method that was never seen: the one that this client always called, if it called only one."""
        unknown_paths = self._orders.entries(":path")
        called = self._earlier_paths() if len(unknown_paths) == 1 else frozenset[str]()
        if len(called) == 1:
            self.set(entry, Inferred(":path", next(iter(called)), HeaderSource.GUESSED, _REASON_CALLED_BEFORE))
        elif len(unknown_paths) > 1:  # different entries are different methods
            for each in unknown_paths:
                if (inferred := self._inferred.get(each)) is not None and inferred.reason == _REASON_CALLED_BEFORE:
                    self.set(each, None)

    def _on_ending(self, status: UnknownEntry, entries: Sequence[HeaderEntry], *, has_reply: bool) -> None:
        """Infer from a stream that an unknown status ended."""
        endings = self._endings[status]
        endings.count += 1
        endings.with_reply += has_reply
        endings.has_message = endings.has_message or bool(self._value(entries, "grpc-message"))
        if endings.code is None and (details := self._value(entries, "grpc-status-details-bin")):
            endings.code = status_code(details)
        self._endings_seen += 1
        is_compared = self._endings_seen <= _MAX_ALWAYS_COMPARED or self._endings_seen & (self._endings_seen - 1) == 0
        for each in list(self._endings) if is_compared else (status,):
            self._infer_status(each)

    def _value(self, entries: Sequence[HeaderEntry], name: str) -> bytes | None:
        """Return a value that was read, also where its name is that of an unknown entry."""
        named = (entry for entry in entries if entry.value is not None)
        return next((entry.value for entry in named if self.name_of(entry) == name), None)

    def name_of(self, entry: HeaderEntry) -> str | None:
        """Return the name of a header: as read, or guessed."""
        if entry.name is not None:
            return text_of(entry.name)
        return None if entry.unknown is None else self.name(entry.unknown)

    def _infer_status(self, entry: UnknownEntry) -> None:
        """Guess the code in the details of a call, or OK if nearly all streams with replies end with the status."""
        endings, before = self._endings[entry], self._inferred.get(entry)
        if before is not None and before.source is not HeaderSource.GUESSED:
            return
        value, reason = "", ""
        if endings.code is not None:
            value, reason = f"{endings.code}", "grpc-status-details-bin of a stream with the same status has this code"
        elif endings.count >= _LEAST_ENDINGS and not endings.has_message and self._ends_replies(endings):
            value, reason = "0", f"the same status ends {endings.with_reply} streams that had a reply"
        if before is not None and before.value == value:
            return
        if value:
            self.set(entry, Inferred("grpc-status", value, HeaderSource.GUESSED, reason))
        elif before is not None:
            self.set(entry, None)

    def _ends_replies(self, endings: _Endings) -> bool:
        """Return True for all streams of an entry, or nearly all of the table."""
        all_with_reply = sum(each.with_reply for each in self._endings.values())
        is_usual = endings.with_reply >= _LEAST_USUAL and endings.with_reply >= _SHARE_OF_OK * all_with_reply
        return is_usual or endings.with_reply == endings.count

    def _on_literal(self, name: str, value: str) -> None:
        """Guess that an unknown entry holds the value that its sender now sent as a literal."""
        if name not in _CONSTANT:
            return
        for entry in [entry for entry in self._orders.entries(name) if self.get(entry) is None]:
            self.set(entry, Inferred(name, value, HeaderSource.GUESSED, _REASON_SENT_AGAIN))


def _name_or_unknown(entry: HeaderEntry) -> str | UnknownEntry:
    if entry.name is None and entry.unknown is not None:
        return entry.unknown
    return text_of(entry.name or b"")


def status_code(details: bytes) -> int | None:
    """Return the code of a `google.rpc.Status` in `grpc-status-details-bin`; None where it has none."""
    try:
        message = base64.b64decode(binary_value(details), validate=True)
    except ValueError:
        return None
    if message[:1] != _CODE_TAG or len(message) < 2 or not 0 < message[1] < 0x80:
        return None
    return message[1]


_CODE_TAG: Final = b"\x08"
"""Field 1 as a varint, with which encoders begin: code 0 is not written."""


_MAX_INSERTED: Final = 32
"""Entries that one loss may have inserted; a gRPC block inserts about ten at most."""
_MARGIN: Final = 3
"""Headers by which a number must explain more than the others to be believed alone. Measured on captures of three
implementations with packets removed: with 1, one doubtful method in twelve was false; with 3, none of 800."""
_MAX_DIFFERENT: Final = 4096
"""Different blocks that are weighed."""

Shape: TypeAlias = tuple[bytes | None, ...]
"""The names of a block's headers, in order."""


class Loss:
    """One loss of bytes: how many entries it inserted, judged by which number makes later blocks look familiar."""

    __slots__ = ("_before", "_believed", "_name_of", "_scores", "_seen", "_shapes", "epoch")

    def __init__(
        self,
        before: HpackTable,
        epoch: int,
        shapes: Collection[Shape],
        name_of: Callable[[UnknownEntry], bytes | None] = lambda _entry: None,
    ) -> None:
        """Begin without evidence.

        Args:
            before: the table as it was before the loss.
            epoch: the epoch that begins with the loss.
            shapes: those of the blocks before it.
            name_of: returns the inferred name of an entry of an earlier epoch.
        """
        self.epoch = epoch
        self._before = before
        self._name_of = name_of
        self._shapes = frozenset(shapes)
        self._scores = [0] * (_MAX_INSERTED + 1)
        """By number of inserted entries."""
        self._believed: tuple[int, ...] = ()
        """The numbers with nearly the best score."""
        self._seen: set[tuple[int | bytes | None, ...]] = set()

    def observe(self, entries: Sequence[HeaderEntry]) -> bool:
        """Weigh a block after the loss; return True when other numbers are believed now."""
        if not any(map(self._is_ours, entries)):
            return False
        seen = tuple(entry.unknown.depth if entry.unknown and self._is_ours(entry) else entry.name for entry in entries)
        if seen in self._seen or len(self._seen) >= _MAX_DIFFERENT:
            return False
        self._seen.add(seen)
        by_number = [tuple(self._name(entry, inserted) for entry in entries) for inserted in range(_MAX_INSERTED + 1)]
        fits = [any(_fits(names, shape) for shape in self._shapes) for names in by_number]
        if any(fits):  # otherwise no earlier block was like it, and it is no evidence
            for inserted, (names, is_fit) in enumerate(zip(by_number, fits, strict=True)):
                named = sum(self._is_ours(e) and name is not None for e, name in zip(entries, names, strict=True))
                self._scores[inserted] += named if is_fit else -max(named, 1)
        best = max(self._scores)
        near = (inserted for inserted, score in enumerate(self._scores) if score > best - _MARGIN)
        believed = tuple(near) if best >= _MARGIN else ()
        is_news, self._believed = believed != self._believed, believed
        return is_news

    def find(self, depth: int) -> HeaderEntry | None:
        """Return the entry from before the loss that is now at a depth; None where the believed numbers disagree."""
        found = {self._before.entry(depth - number) if depth >= number else None for number in self._believed}
        return found.pop() if len(found) == 1 else None

    def _is_ours(self, entry: HeaderEntry) -> bool:
        return entry.unknown is not None and entry.unknown.epoch == self.epoch

    def _name(self, entry: HeaderEntry, inserted: int) -> bytes | None:
        """Return the name that an entry has if the loss inserted so many."""
        if entry.unknown is None or not self._is_ours(entry):
            return entry.name
        depth = entry.unknown.depth - inserted
        if depth < 0:
            return None
        older = self._before.entry(depth)
        return self._name_of(older.unknown) if older.name is None and older.unknown is not None else older.name


def _fits(names: Shape, shape: Shape) -> bool:
    return len(names) == len(shape) and all(name in (None, seen) for name, seen in zip(names, shape, strict=True))


_MAX_SHAPES: Final = 256
_MAX_LOSSES: Final = 64
"""Losses that are still weighed: entries from before older ones are hardly used any more."""


class Losses:
    """All losses of one direction."""

    def __init__(self, unknown_entries: UnknownEntries) -> None:
        """Begin without any; what they show is written to `unknown_entries`."""
        self._unknown = unknown_entries
        self._shapes: set[Shape] = set()
        self._losses: dict[int, Loss] = {}
        """By epoch."""

    def add_shape(self, entries: Sequence[HeaderEntry]) -> None:
        """Record how a block without unknown entries looks."""
        if len(self._shapes) < _MAX_SHAPES:
            self._shapes.add(tuple(entry.name for entry in entries))

    def add(self, before: HpackTable, epoch: int) -> None:
        """Begin an epoch behind a loss."""
        self._losses[epoch] = Loss(before, epoch, self._shapes, self._unknown.raw_name)
        if len(self._losses) > _MAX_LOSSES:
            del self._losses[oldest := next(iter(self._losses))]
            self._unknown.forget(oldest)

    def observe(self, entries: Sequence[HeaderEntry]) -> None:
        """Infer from a block what the losses before it inserted, and so which entries it uses."""
        for epoch in {entry.unknown.epoch for entry in entries if entry.unknown is not None}:
            if (loss := self._losses.get(epoch)) is not None:
                loss.observe(entries)
                for unknown in {*self._unknown.used(epoch), *(e.unknown for e in entries if e.unknown)}:
                    if unknown.epoch == epoch:
                        self._set(unknown, self._inferred(loss, unknown))

    def _set(self, unknown: UnknownEntry, inferred: Inferred | None) -> None:
        """Replace what is inferred of an entry; without a result, take back only what a loss had shown."""
        before = self._unknown.get(unknown)
        if inferred is not None or (before is not None and before.reason == _REASON_LOSS):
            self._unknown.set(unknown, inferred)

    def _inferred(self, loss: Loss, unknown: UnknownEntry) -> Inferred | None:
        entry = loss.find(unknown.depth)
        if entry is None:
            return None
        older = self._unknown.get(entry.unknown) if entry.unknown is not None else None
        name = text_of(entry.name) if entry.name is not None else older.name if older else None
        value = value_of(entry) if entry.value is not None else older.value if older else None
        if name is None or value is None:
            return None
        return Inferred(name, value, HeaderSource.DOUBTFUL, _REASON_LOSS)
