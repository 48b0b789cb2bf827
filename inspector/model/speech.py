"""What a side of a TCP connection speaks, by its first bytes."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Protocol(StrEnum):
    """The protocols that are told apart."""

    HTTP2 = "HTTP/2"
    TLS = "TLS"
    HTTP1 = "HTTP/1"


class Speech(NamedTuple):
    """The first bytes of one side."""

    protocol: Protocol
    words: str
    """What they are: `preface`, `SETTINGS`, `ClientHello`, `ServerHello`, `alert unexpected_message`; of HTTP/1
    `CONNECT` and `Upgrade`, from which HTTP/2 may follow, or the status line with the beginning of its body."""
