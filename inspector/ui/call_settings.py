"""How a call shall be made, as a person has set it: what differs from the usual, and nothing else. Pure values."""

from __future__ import annotations

from dataclasses import dataclass, replace

from inspector.client.options import DEADLINE, CallOptions, ConnectionOptions, Metadata
from inspector.model.call import CallKind


@dataclass(frozen=True, slots=True)
class Settings:
    """How a call shall be made, as far as it differs from the usual."""

    metadata: Metadata = ()
    deadline: float | None = None
    """Seconds; None for the usual, or with `is_endless` for no end at all."""
    is_endless: bool = False
    authority: str | None = None
    largest_message: int | None = None
    is_compressed: bool = False
    waits_for_ready: bool = False
    keepalive: float | None = None
    """Seconds between PINGs; None for the usual."""
    masked: tuple[str, ...] = ()
    """The names in `metadata` whose values the history has only masked: they are asked for before anything is sent.

    In `metadata` their values are empty, or the scheme alone.
    """

    def call_options(self, kind: CallKind) -> CallOptions:
        """The options of a call of a kind: a unary one has a deadline, be it the usual, a stream only when asked."""
        usual = DEADLINE if kind is CallKind.UNARY and not self.is_endless else None
        deadline = usual if self.deadline is None else self.deadline
        return CallOptions(self.metadata, deadline, self.is_compressed, self.waits_for_ready)

    def connection(self, usual: ConnectionOptions) -> ConnectionOptions:
        """The options of the connection that such a call needs."""
        return replace(
            usual,
            authority=self.authority or usual.authority,
            keepalive=self.keepalive or usual.keepalive,
            largest_message=self.largest_message or usual.largest_message,
        )

    @property
    def words(self) -> tuple[str, ...]:
        """What differs from the usual, a few words each."""
        told = (
            (f"{len(self.metadata)} metadata", bool(self.metadata)),
            (f"{', '.join(self.masked)} masked", bool(self.masked)),
            ("no deadline", self.is_endless),
            (f"deadline {self.deadline:.6g} s" if self.deadline is not None else "", self.deadline is not None),
            (f"authority {self.authority}", self.authority is not None),
            ("gzip", self.is_compressed),
            ("wait for ready", self.waits_for_ready),
            (f"up to {self.largest_message} B", self.largest_message is not None),
            (f"PING every {self.keepalive or 0:.6g} s", self.keepalive is not None),
        )
        return tuple(words for words, is_told in told if is_told)
