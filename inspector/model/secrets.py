"""Which headers hold secrets, and what stands in place of their values where those must not be seen.

Owns the names, the masked form, and the record of what was masked. Request histories, copies and exports mask their
headers with it. The screen, captures and the `--json` of commands show what was on the wire. Only values of headers
are masked: neither messages, nor the target of a request, nor raw bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

HIDDEN: Final = "***"
"""Stands for a value of any length."""
DEFAULT_NAMES: Final = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie"})
"""The headers that HTTP defines for credentials (RFC 9110 §11.6.2 and §11.7.2, RFC 6265 §4)."""
_WITH_SCHEME: Final = frozenset({"authorization", "proxy-authorization"})
_SCHEME: Final = re.compile(
    r"(apikey|aws4-hmac-sha256|basic|bearer|concealed|digest|dpop|gnap|hoba|mutual|negotiate|ntlm|oauth|privatetoken"
    r"|scram-sha-1|scram-sha-256|token|vapid)(?= +\S)",
    re.IGNORECASE,
)
"""IANA's registry of HTTP authentication schemes, and some that are common without being in it.

A first word that is none of these may be a part of the secret.
"""


_CREDENTIALS: Final = re.compile(rf"\b(?:{_SCHEME.pattern.partition('(?=')[0]}) +\S{{8,}}", re.IGNORECASE)
"""A scheme and what may be its credentials, anywhere in a text."""
_BESIDE_NAME: Final = re.compile(r"http2\.header\.name|\b(?:eq|contains|matches)\b|\W+")
"""What may stand beside a header's name in a filter that looks for the name alone."""


def scheme_of(name: str, value: str | bytes) -> str:
    """Return the authentication scheme that a value begins with, as in `Bearer`; empty where it has none.

    A header whose name could not be read may be any header, so its value is looked at too.
    """
    if not isinstance(value, str) or (name and name.lower() not in _WITH_SCHEME):
        return ""
    found = _SCHEME.match(value)
    return found[0] if found else ""


def masked(name: str, value: str | bytes) -> str:
    """Return what stands for a value: `Bearer ***`, or `***`."""
    return f"{scheme_of(name, value)} {HIDDEN}".lstrip()


@dataclass(frozen=True, slots=True)
class Secrets:
    """Which headers are secret. Names are in lower case."""

    names: frozenset[str] = DEFAULT_NAMES
    are_shown: bool = False
    """True where nothing is masked."""

    def covers(self, name: str, value: str | bytes) -> bool:
        """Return True for a value that must be masked; an empty one has nothing to hide."""
        if self.are_shown or not value:
            return False
        return name.lower() in self.names or (not name and bool(scheme_of(name, value)))

    def may_be_in(self, text: str) -> bool:
        """Return True for a filter that may hold a secret: a secret header's name with anything else, or credentials.

        Whether a word alone is a token cannot be known.
        """
        if self.are_shown:
            return False
        lower = text.lower()
        if _CREDENTIALS.search(lower):
            return True
        for name in self.names:
            rest, count = re.subn(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", " ", lower)
            if count and _BESIDE_NAME.sub("", rest):
                return True
        return False

    def shown(self) -> Secrets:
        """Return the same secrets, none of which is masked."""
        return replace(self, are_shown=True)


class Mask:
    """Masks the secrets of one copy or one export, and records which they were."""

    def __init__(self, secrets: Secrets) -> None:
        self.secrets = secrets
        self.masked: list[str] = []
        """The name of the header of each value that was masked."""
        self.variables: list[str] = []
        """The environment variables that stand for them, in a command or a script."""

    @property
    def count(self) -> int:
        """How many values were masked."""
        return len(self.masked)

    def value(self, name: str, value: str) -> str:
        """Return a header's value, masked where it is a secret."""
        if not self.secrets.covers(name, value):
            return value
        self.masked.append(name)
        return masked(name, value)

    def stand_in(self, name: str, variable: str) -> None:
        """Record that an environment variable stands for a header's value."""
        self.masked.append(name)
        self.variables.append(variable)

    def text(self, names: Iterable[str], text: str) -> str:
        """Return a text made of the values of one or more headers, masked where any of them is a secret."""
        name = next((each for each in names if self.secrets.covers(each, text)), None)
        return text if name is None else self.value(name, text)


NO_MASK: Final = Mask(Secrets(are_shown=True))
"""Masks nothing, so it records nothing."""
