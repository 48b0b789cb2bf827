"""In which of two languages a filter is written: the words of this program, or Wireshark's display filters.

Pure, and decided by how a text looks: whether it means anything in its language is found out elsewhere. What is in
quotes is a word, as ever; a text that begins with `=` is a display filter whatever it looks like.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

FORCE: Final = "="
"""In front of a display filter that does not look like one."""


class Language(StrEnum):
    """A language of filters, by the name that people see."""

    WORDS = "words"
    DISPLAY = "Wireshark display filter"


_PROTOCOLS: Final = (
    r"_ws\.expert|_ws\.malformed|arp|data-text-lines|dhcpv6|dhcp|dns|dtls|eth|frame|geneve|gre|grpc|http2|http3|http|"
    r"icmpv6|icmp|igmp|ipv6|ip|lldp|mdns|mqtt|ntp|protobuf|quic|rtcp|rtp|sctp|sll|snmp|ssdp|ssh|stp|tcp|tls|udp|vlan|"
    r"vxlan|websocket"
)
"""Names that are hardly ever searched for as words."""
_QUOTED: Final = r'"(?:\\.|[^"\\])*"?'
_DOTTED: Final = r"[a-z_][a-z0-9_-]*(?:\.[a-z0-9_-]+)+"
_FIELD: Final = rf"@?(?:{_DOTTED}|(?:{_PROTOCOLS})\b)(?:\#(?:-?\d+|\[[^\]]*\]))?(?:\[[^\]]*\])?"
_OPERATOR: Final = (
    r"(?:===?|!==?|~=|>=|<=|>|<|=|&(?!&)|"
    r"\b(?:eq|ne|any_eq|all_ne|gt|lt|ge|le|contains|matches|bitwise_and)\b)"
)
_SUM: Final = r"(?:\s+[-+*/%]\s+[^\s()&|]+)*"
_COMPARISON: Final = re.compile(
    rf"(?:\b(?:any|all)\s+)?(?:{_FIELD}|\w+\([^)]*\)){_SUM}\s*"
    rf"(?:{_OPERATOR}\s*(?:{_QUOTED}|[^\s()&|]*){_SUM}|(?:not\s+)?in\s*\{{[^}}]*\}}?)",
    re.IGNORECASE,
)
_GLUE: Final = re.compile(r"&&|\|\||\^\^|[()!]|\b(?:and|or|xor|not)\b", re.IGNORECASE)
_KEYED: Final = re.compile(r"(?:^|\s)-?(?:not:)*(?:method|status|type|stream|connection|sender):", re.IGNORECASE)
_NAME: Final = re.compile(rf"(?:{_PROTOCOLS})(?:\.[a-z0-9_-]+)*(?:\[[^\]]*\])?")
"""Names of services, with capital letters, are words."""


def language(text: str) -> Language:
    """The language of a filter text."""
    if text.lstrip().startswith(FORCE):
        return Language.DISPLAY
    if not text.strip() or _KEYED.search(text):
        return Language.WORDS
    rest, comparisons = _COMPARISON.subn(" ", text)
    words = _GLUE.sub(" ", rest).split()
    if all(_NAME.fullmatch(word) for word in words):
        return Language.DISPLAY if words or comparisons else Language.WORDS
    # `tcp.port == 1 || greet` is meant in Wireshark's way too, and is told what is wrong with it in its words.
    return Language.DISPLAY if comparisons and _GLUE.search(rest) else Language.WORDS


def is_sure(text: str) -> bool:
    """False for mere names, which may have been meant as words."""
    return text.lstrip().startswith(FORCE) or _COMPARISON.search(text) is not None or _GLUE.search(text) is not None


def display_text(text: str) -> str:
    """A display filter as Wireshark takes it, without what only says that it is one."""
    return text.strip().removeprefix(FORCE).strip()
