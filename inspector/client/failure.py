"""Says in a plain sentence why a call failed and what to do about it.

Owns the table from gRPC's status and details to that sentence. The details' wording is that of gRPC's C core, for
failures on this side, and of the common servers; what no row knows is quoted as it came.
"""

from __future__ import annotations

import math
import re
from typing import Final, NamedTuple

from inspector.errors import ServiceError
from inspector.model.call import Status
from inspector.model.frame import error_name


class Attempt(NamedTuple):
    """What was tried, as far as the sentences speak of it."""

    target: str
    path: str = ""
    deadline: float = math.inf
    connected: bool = True
    """False when the time ran out before there was a connection."""
    is_secure: bool = False
    """True for a call over TLS."""
    warning: str = ""
    """Why a relay on the way did not reach the target, as a plain sentence; empty where it did, or there is none."""


class _Row(NamedTuple):
    pattern: str
    """Searched in `NAME details`; its named groups may be used in the sentences."""
    message: str
    hint: str = ""
    connected: bool | None = None
    """Given where the row is for only one of the two."""
    secure: bool | None = None
    """Likewise, for calls over TLS and in plaintext."""


_NO_CONNECTION: Final = "^UNAVAILABLE failed to connect"
_TLS_HINT: Final = "The call went out in plaintext: --tls speaks TLS; or use the service's plaintext port."

_ROWS: Final = (
    _Row(
        f"{_NO_CONNECTION}.*Connection refused",
        "Nothing listens on {target}.",
        "Start the service, or check the port.",
    ),
    _Row(
        "^UNAVAILABLE .*(resolving|resolution|lookup)",
        "The host of {target} cannot be found.",
        "Check how it is spelt; an address such as 127.0.0.1:50051 needs no name service.",
    ),
    _Row(
        f"{_NO_CONNECTION}.*WRONG_VERSION_NUMBER",
        "{target} does not speak TLS.",
        "The call went out in TLS: --plaintext speaks without; or use the service's TLS port.",
        secure=True,
    ),
    _Row(
        f"{_NO_CONNECTION}.*Hostname Verification Check",
        "The certificate of {target} is for another name.",
        "--servername NAME gives the name that it is for.",
        secure=True,
    ),
    _Row(
        f"{_NO_CONNECTION}.*certificate has expired",
        "The certificate of {target} has expired.",
        "The service needs a new one; gRPC refuses this one, with --insecure too.",
        secure=True,
    ),
    _Row(
        f"{_NO_CONNECTION}.*CERTIFICATE_VERIFY_FAILED: (?P<reason>[^:]+)",
        "The certificate of {target} is not trusted here: {reason}.",
        "--cacert FILE names the authority that signed it; --insecure trusts what the service shows.",
        secure=True,
    ),
    _Row(
        f"{_NO_CONNECTION}.*(ALPN|no application protocol)",
        "{target} speaks TLS, but not HTTP/2 over it.",
        "It is a web server of the old kind or something else, but no gRPC service: check the port.",
        secure=True,
    ),
    _Row(
        f"{_NO_CONNECTION}.*(Socket closed|Connection reset|Broken pipe|ALERT)",
        "{target} took the connection and broke it off in the TLS handshake.",
        "It may want a certificate of the client that it trusts (--cert and --key), or it is no gRPC service.",
        secure=True,
    ),
    _Row(
        f"{_NO_CONNECTION}.*(HTTP/2|http1)",
        "What listens on {target} does not speak HTTP/2.",
        "It is a web server of the old kind (HTTP/1) or something else, but no gRPC service: check the port.",
    ),
    _Row(
        f"{_NO_CONNECTION}.*TLS",
        "{target} speaks TLS.",
        _TLS_HINT,
    ),
    _Row(
        f"{_NO_CONNECTION}.*(Socket closed|Connection reset|Broken pipe)",
        "{target} took the connection and closed it at once.",
        "It is no gRPC service, or it takes no callers just now.",
    ),
    _Row(
        f"{_NO_CONNECTION}.*remote host: (connect: )?(?P<reason>[^;()]+)",
        "{target} cannot be reached: {reason}.",
        "Check the host, and that it can be reached from here.",
    ),
    _Row(
        "^DEADLINE_EXCEEDED",
        "{target} did not answer as a gRPC service within {deadline}.",
        "The host is down, a firewall drops the connection, or another kind of service waits there in silence.",
        connected=False,
    ),
    _Row(
        "^DEADLINE_EXCEEDED",
        "No reply from {target} within {deadline}.",
        "The service is slow or stuck; a longer deadline gives it more time.",
    ),
    _Row(
        r"CLIENT: Received message larger than max \((?P<size>\d+) vs\. (?P<most>\d+)\)",
        "The reply has {size} bytes, and {most} are allowed here.",
        "--max-message-size BYTES allows more; so does F2 in the app.",
    ),
    _Row(
        "Decompressed message larger than max",
        "A message is larger, once inflated, than its reader allows.",
        "--max-message-size BYTES, or F2 in the app, allows larger replies; for requests the service has its limit.",
    ),
    _Row(
        r"received message larger than max \((?P<size>\d+) vs\. (?P<most>\d+)\)",
        "The request has {size} bytes, and the service takes {most}.",
        "Send less, or raise the limit of the service.",
    ),
    _Row(
        r"RST_STREAM with error code (?P<error>\d+)",
        "{target} reset the stream: {error}.",
        "The service refused or gave up this call; other calls may go through.",
    ),
    _Row(
        r"GOAWAY.*Error code: (?P<error>\d+)",
        "{target} closed the connection while the call ran: {error}.",
        "Send again: that makes a new connection.",
    ),
    _Row(
        "^UNAVAILABLE .*(Socket closed|Connection reset|Broken pipe|Stream removed|GOAWAY)",
        "The connection to {target} broke while the call ran.",
        "The service ended, or something on the way cut it. Send again when it is back.",
    ),
    _Row(
        r"http2 header with status: (?P<http>\d+)",
        "{target} answered with HTTP status {http}, and not as a gRPC service does.",
        "It is a web server, or a proxy that has no service behind it: check the port and the method.",
    ),
    _Row(
        "^UNIMPLEMENTED",
        "{target} has no method {path}.",
        "Check how it is spelt: /package.Service/Method, where upper and lower case count. It said: {details}",
    ),
    _Row(
        "^UNAUTHENTICATED",
        "{target} does not take this call without credentials: {details}",
        "-H NAME:VALUE, or F2 in the app, sends metadata such as authorization; --reflect-header does for reflection.",
    ),
    _Row("^CANCELLED The connection was closed", "The connection was closed on this side while the call ran."),
    _Row("^CANCELLED The call was cancelled on this side", "The call was cancelled on this side."),
)
_COMPILED: Final = tuple((re.compile(row.pattern, re.IGNORECASE | re.DOTALL), row) for row in _ROWS)


def explain(status: Status, attempt: Attempt) -> ServiceError:
    """The failure as an error for a person; its text is the sentence and the hint."""
    if attempt.warning:
        is_about_service = attempt.warning.startswith("The service ")  # and not about the relay itself
        return ServiceError(attempt.warning, "Start the service, or check the port." if is_about_service else "")
    line = f"{status.name} {status.message}"
    for pattern, row in _COMPILED:
        match = pattern.search(line)
        if match and row.connected in (None, attempt.connected) and row.secure in (None, attempt.is_secure):
            fields = _fields(status, attempt) | _words(match)
            return ServiceError(row.message.format(**fields), row.hint.format(**fields))
    return ServiceError(f"{attempt.target} answered {status.name}{': ' if status.message else '.'}{status.message}")


def _fields(status: Status, attempt: Attempt) -> dict[str, str]:
    seconds = "the time given" if math.isinf(attempt.deadline) else f"{attempt.deadline:g} s"
    return {"target": attempt.target, "path": attempt.path, "deadline": seconds, "details": status.message or "nothing"}


def _words(match: re.Match[str]) -> dict[str, str]:
    """The groups of a match; an HTTP/2 error code (RFC 9113 §7) by its name."""
    words = {name: text.strip() for name, text in match.groupdict("").items()}
    if words.get("error", "").isdigit():
        words["error"] = error_name(int(words["error"]))
    return words
