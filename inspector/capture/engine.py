"""What a capture engine is to the rest of the program: a stream of classic pcap bytes, and how it is doing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from inspector.capture.target import Target


class Engine(Protocol):
    """A capture that is live: it has said that it listens."""

    @property
    def name(self) -> str:
        """`tcpdump`, `dumpcap` or `tap`."""

    @property
    def interface(self) -> str | None:
        """The interface that it listens on; None for the tap, which listens on none."""

    @property
    def target(self) -> Target:
        """Where callers should connect to be seen: for the tap its own listening address."""

    @property
    def reason(self) -> str:
        """Why this engine, and what is given up by it: plain sentences."""

    @property
    def notice(self) -> str:
        """What is amiss at this moment, as a plain sentence; empty when all is well."""

    @property
    def dropped(self) -> int:
        """Packets that were lost, as far as the engine has told."""

    @property
    def own_client_ports(self) -> frozenset[int]:
        """The client ports of this process's own connections, as recorded, where they are no TCP ports of its own."""

    def chunks(self) -> AsyncIterator[bytes]:
        """Give the pcap bytes as they come, file header first, cut anywhere; ends when stopped.

        Raises EngineError with the engine's own last words when it ended by itself. To be read once.
        """

    async def stop(self) -> None:
        """End the engine and everything that belongs to it; what it still had to say comes through `chunks`."""

    async def pause(self) -> None:
        """End the capture only: a tap goes on relaying, unrecorded, until it is stopped or started again."""
