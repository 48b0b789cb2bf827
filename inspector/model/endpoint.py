"""One end of a TCP connection, and which of the two ends speaks."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Side(StrEnum):
    """Who sent something, by its role in HTTP/2."""

    CLIENT = "client"
    SERVER = "server"

    @property
    def other(self) -> Side:
        """The side that this one talks to."""
        return Side.SERVER if self is Side.CLIENT else Side.CLIENT


class Endpoint(NamedTuple):
    """An address with its TCP port; IPv6 hosts without brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
