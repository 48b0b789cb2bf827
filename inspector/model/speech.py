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
    `CONNECT` and `Upgrade`, from which HTTP/2 may follow, another request's line, or the status line with the
    beginning of its body."""
    path: str = ""
    """What the request of an `Upgrade` asks for: it is that of stream 1 (RFC 7540 §3.2)."""

    @property
    def is_request(self) -> bool:
        """True for a request of HTTP/1 from which no HTTP/2 follows."""
        is_other = self.words in ("CONNECT", "Upgrade") or self.words.startswith("HTTP/")
        return self.protocol is Protocol.HTTP1 and not is_other

    @property
    def refuses_version(self) -> bool:
        """True for an answer of HTTP/1 with a status by which servers ask for another version (RFC 9110 §15)."""
        return self.protocol is Protocol.HTTP1 and self.words[:12].endswith((" 400", " 426", " 505"))
