"""Parses a filter's text, and recognises Wireshark's display filters."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import IntEnum, StrEnum
from typing import Final, NamedTuple, TypeVar

from inspector.errors import FilterError
from inspector.model.call import STATUS_NAMES, CallState
from inspector.model.frame import FrameType, Side
from inspector.store.filters.filter import (
    Filter,
    Probe,
    Term,
    from_sender,
    of_connection,
    of_port,
    of_stream,
    of_types,
    with_method,
    with_status,
    with_word,
)
from inspector.store.stats import UNKNOWN

DISPLAY_PREFIX: Final = "="
"""Precedes a display filter that does not look like one."""


class Language(StrEnum):
    """A filter language, named as users see it."""

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
_ARITHMETIC: Final = r"(?:\s+[-+*/%]\s+[^\s()&|]+)*"
_COMPARISON: Final = re.compile(
    rf"(?:\b(?:any|all)\s+)?(?:{_FIELD}|\w+\([^)]*\)){_ARITHMETIC}\s*"
    rf"(?:{_OPERATOR}\s*(?:{_QUOTED}|[^\s()&|]*){_ARITHMETIC}|(?:not\s+)?in\s*\{{[^}}]*\}}?)",
    re.IGNORECASE,
)
_CONNECTIVE: Final = re.compile(r"&&|\|\||\^\^|[()!]|\b(?:and|or|xor|not)\b", re.IGNORECASE)
_NAME: Final = re.compile(rf"(?:{_PROTOCOLS})(?:\.[a-z0-9_-]+)*(?:\[[^\]]*\])?")
"""Case-sensitive: names with capital letters, as services have, are words."""


def language(text: str) -> Language:
    """Return the language that a filter text is most likely written in."""
    if text.lstrip().startswith(DISPLAY_PREFIX):
        return Language.DISPLAY
    if not text.strip() or _KEYED.search(text):
        return Language.WORDS
    rest, comparisons = _COMPARISON.subn(" ", text)
    words = _CONNECTIVE.sub(" ", rest).split()
    if all(_NAME.fullmatch(word) for word in words):
        return Language.DISPLAY if words or comparisons else Language.WORDS
    # `tcp.port == 1 || greet` is meant as a display filter, too; tshark then says what is wrong with it.
    return Language.DISPLAY if comparisons and _CONNECTIVE.search(rest) else Language.WORDS


def is_unambiguous(text: str) -> bool:
    """Return False for a display filter of bare names, which may be meant as words."""
    return text.lstrip().startswith(DISPLAY_PREFIX) or bool(_COMPARISON.search(text) or _CONNECTIVE.search(text))


def display_text(text: str) -> str:
    """Return a display filter as Wireshark accepts it, without `DISPLAY_PREFIX`."""
    return text.strip().removeprefix(DISPLAY_PREFIX).strip()


_TOKEN: Final = re.compile(
    r"""\s*(?:
      (?P<and>&&)
    | (?P<field>[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+)\s*
      (?P<operator>==|!=|>=|<=|>|<|\b(?:eq|ne|gt|lt|ge|le|contains|matches)\b)\s*(?P<operand>\S*)
    | (?P<not>-(?=\S)|not:)*(?:
          (?:(?P<key>[a-z_][a-z0-9_.]*):)?"(?P<quoted>[^"]*)(?P<close>"|$)
        | (?P<plain_key>[a-z_][a-z0-9_.]*):(?P<value>\S*)
        | (?P<word>\S+)
      )
    )""",
    re.VERBOSE | re.IGNORECASE,
)


def parse(text: str) -> Filter:
    """Parse a filter of words and keys.

    Raises:
        FilterError: when the text is not a filter; with a hint.
    """
    terms = [term for token in _tokens(text) if (term := _term(token)) is not None]
    return Filter(text, tuple(sorted(terms, key=_cost)))


def method_filter(path: str) -> str:
    """Return the text of a filter for the calls of a method; `UNKNOWN` stands for those without one."""
    if path == UNKNOWN:
        return "-method:/"
    before, quote, _ = path.partition('"')  # a quote, and what follows it, cannot be written in a filter
    value = before if quote else f"{path}$"
    return f'method:"{value}"' if quote or any(map(str.isspace, value)) else f"method:{value}"


def _tokens(text: str) -> list[re.Match[str]]:
    found, at, end = [], 0, len(text.rstrip())
    while at < end and (token := _TOKEN.match(text, at)):
        found.append(token)
        at = token.end()
    return found


def _cost(term: Term) -> int:
    return term.probe.cost


def _term(token: re.Match[str]) -> Term | None:
    if token["and"]:
        return None
    if token["field"]:
        return _comparison(token["field"].lower(), token["operator"].lower(), token["operand"])
    negated = _negations(token) % 2 == 1
    if token["quoted"] is not None:
        if not token["close"]:
            raise FilterError(f'The quote before "{token["quoted"][:40]}" is not closed.', 'Add a " at its end.')
        key = token["key"]
        return Term(_keyed(key, token["quoted"]) if key else with_word(token["quoted"]), negated)
    if token["plain_key"]:
        return Term(_keyed(token["plain_key"], token["value"]), negated)
    return Term(_plain_word(token["word"]), negated)


def _negations(token: re.Match[str]) -> int:
    start = token.end() if token["not"] is None else token.start()
    before = token.string[start : token.end()].lstrip().lower()
    count = 0
    while before.startswith(("-", "not:")):
        before = before[1:] if before.startswith("-") else before[4:]
        count += 1
    return count


def _plain_word(text: str) -> Probe:
    if text in ("||", "|", "!", "or"):
        raise FilterError(f"A filter has no {text}: all of its parts must match.", 'Use -word for "not".')
    return with_word(text)


def _comparison(name: str, operator: str, operand: str) -> Term:
    field = _FIELDS.get(name)
    if field is None:
        raise FilterError(
            f"A filter cannot compare {name}.", f"Compare one of {_listed(_FIELDS)}, or search for words."
        )
    if operator not in ("==", "eq", "!=", "ne"):
        raise FilterError(f"{name} cannot be compared with {operator}.", "Use == or !=.")
    if not operand:
        raise FilterError(f"{name} {operator} needs a number.", f"As in {name} == {field.example}.")
    return Term(field.probe(_number(name, operand)), operator in ("!=", "ne"))


def _keyed(name: str, value: str) -> Probe:
    key = _KEYS.get(name.lower())
    if key is None:
        raise FilterError(
            f"{name}: is not a key of the filter.",
            f'The keys are {_listed(_KEYS)}; to search for the text itself, quote it: "{name}:{value}".',
        )
    if not value:
        raise FilterError(f"{name}: needs a value.", f"As in {key.example}.")
    return key.read(value)


def _number(what: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise FilterError(f"{what} needs a number, not {text}.")
    return int(text)


_Name = TypeVar("_Name")


def _values_named(key: str, value: str, names: Mapping[str, _Name]) -> tuple[_Name, ...]:
    """Return the values of a name: that of the exact name, or those of all names with this prefix (`type:head`)."""
    wanted = re.sub(r"[^a-z0-9]", "", value.lower())
    plain = {name.lower().replace("_", ""): each for name, each in names.items()}
    if wanted in plain:
        return (plain[wanted],)
    found = tuple(each for name, each in plain.items() if wanted and name.startswith(wanted))
    if not found:
        raise FilterError(f"{key}: has no value {value}.", f"The values are {_listed(names, lower=True)}.")
    return found


def _listed(names: Mapping[str, object], *, lower: bool = False) -> str:
    *most, last = (name.lower() if lower else name for name in names)
    return f"{', '.join(most)} and {last}" if most else last


def _status(value: str) -> Probe:
    if value.isascii() and value.isdigit():
        return with_status(frozenset({_number("status:", value)}), frozenset())
    codes: dict[str, int | CallState] = {name: code for code, name in enumerate(STATUS_NAMES)}
    states: dict[str, int | CallState] = {state.name: state for state in CallState if state is not CallState.CANCELLED}
    found = _values_named("status", value, {**codes, **states})
    # A cancelled call hardly ever has a status on the wire, so its state counts.
    also = {CallState.CANCELLED} if STATUS_NAMES.index("CANCELLED") in found else set()
    states_found = {each for each in found if isinstance(each, CallState)} | also
    return with_status(frozenset(each for each in found if isinstance(each, int)), frozenset(states_found))


def _type(value: str) -> Probe:
    if re.fullmatch(r"0x[0-9a-f]{1,2}", value, re.IGNORECASE):
        return of_types(frozenset({int(value, 16)}))
    return of_types(frozenset(_values_named("type", value, _members(FrameType))))


def _members(names: type[IntEnum]) -> dict[str, int]:
    return {each.name: each.value for each in names}


def _stream(value: str) -> Probe:
    connection, slash, stream = value.rpartition("/")
    number = _number("stream:", stream)
    return of_stream(number, _number("stream:", connection) if slash else None)


def _connection(value: str) -> Probe:
    return of_connection(_number("connection:", value))


def _sender(value: str) -> Probe:
    sides = _values_named("sender", value, {side.name: side for side in Side})
    return from_sender(sides[0])


class _Key(NamedTuple):
    read: Callable[[str], Probe]
    example: str


_KEYS: Final[Mapping[str, _Key]] = {
    "method": _Key(with_method, "method:greet"),
    "status": _Key(_status, "status:not_found"),
    "type": _Key(_type, "type:data"),
    "stream": _Key(_stream, "stream:1 or stream:0/1"),
    "connection": _Key(_connection, "connection:0"),
    "sender": _Key(_sender, "sender:client"),
}
_KEYED: Final = re.compile(rf"(?:^|\s)-?(?:not:)*(?:{'|'.join(_KEYS)}):", re.IGNORECASE)


class _Field(NamedTuple):
    probe: Callable[[int], Probe]
    example: int


_FIELDS: Final[Mapping[str, _Field]] = {
    "tcp.port": _Field(of_port, 37564),
    "tcp.stream": _Field(of_connection, 0),
    "http2.streamid": _Field(of_stream, 1),
}
