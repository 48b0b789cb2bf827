"""Explains to users why a call failed and what to do about it.

A table maps the status and its details to sentences. The patterns match the wording of gRPC's C core, for failures on
this side, and of common servers. Details that match no row are quoted.
"""

from __future__ import annotations

import math
import re
from typing import Final, NamedTuple

from inspector.errors import ServiceError
from inspector.model.call import Status
from inspector.model.frame import error_name


class Attempt(NamedTuple):
    """A call as the sentences describe it."""

    target: str
    path: str = ""
    deadline: float = math.inf
    connected: bool = True
    """False when the deadline passed before there was a connection."""
    is_secure: bool = False
    """True for a call over TLS."""
    warning: str = ""
    """Why a relay did not reach the target, as a sentence; empty if it did, or if there is none."""


class _Row(NamedTuple):
    pattern: str
    """A regular expression that is searched in `STATUS details`; the sentences can use its named groups."""
    message: str
    hint: str = ""
    connected: bool | None = None
    """None for a row that applies with and without a connection."""
    secure: bool | None = None
    """None for a row that applies to calls over TLS and in plaintext."""


_NO_CONNECTION: Final = "^UNAVAILABLE failed to connect"
_TLS_HINT: Final = "The call was sent in plaintext. Use --tls, or the plaintext port of the service."

_ROWS: Final = (
    _Row(
        f"{_NO_CONNECTION}.*Connection refused",
        "Nothing listens on {target}.",
        "Start the service, or check the port.",
    ),
    _Row(
        "^UNAVAILABLE .*(resolving|resolution|lookup)",
        "The host of {target} cannot be found.",
        "Check its spelling, or use an IP address such as 127.0.0.1:50051.",
    ),
    _Row(
        f"{_NO_CONNECTION}.*WRONG_VERSION_NUMBER",
        "{target} does not speak TLS.",
        "The call was sent over TLS. Use --plaintext, or the TLS port of the service.",
        secure=True,
    ),
    _Row(
        f"{_NO_CONNECTION}.*Hostname Verification Check",
        "The certificate of {target} is for another name.",
        "Pass the name that it is for with --servername NAME.",
        secure=True,
    ),
    _Row(
        f"{_NO_CONNECTION}.*certificate has expired",
        "The certificate of {target} has expired.",
        "The service needs a new one: gRPC rejects this one even with --insecure.",
        secure=True,
    ),
    _Row(
        f"{_NO_CONNECTION}.*CERTIFICATE_VERIFY_FAILED: (?P<reason>[^:]+)",
        "The certificate of {target} is not trusted: {reason}.",
        "Pass the authority that signed it with --cacert FILE, or trust any certificate with --insecure.",
        secure=True,
    ),
    _Row(
        f"{_NO_CONNECTION}.*(ALPN|no application protocol)",
        "{target} speaks TLS, but not HTTP/2 over it.",
        "It is an HTTP/1 server or something else, but not a gRPC service: check the port.",
        secure=True,
    ),
    _Row(
        f"{_NO_CONNECTION}.*(Socket closed|Connection reset|Broken pipe|ALERT)",
        "{target} accepted the connection and closed it during the TLS handshake.",
        "It may require a client certificate (--cert and --key), or it is not a gRPC service.",
        secure=True,
    ),
    _Row(
        f"{_NO_CONNECTION}.*(HTTP/2|http1)",
        "{target} does not speak HTTP/2.",
        "It is an HTTP/1 server or something else, but not a gRPC service: check the port.",
    ),
    _Row(
        f"{_NO_CONNECTION}.*TLS",
        "{target} speaks TLS.",
        _TLS_HINT,
    ),
    _Row(
        f"{_NO_CONNECTION}.*(Socket closed|Connection reset|Broken pipe)",
        "{target} accepted the connection and closed it at once.",
        "It is not a gRPC service, or it does not accept clients now.",
    ),
    _Row(
        f"{_NO_CONNECTION}.*remote host: (connect: )?(?P<reason>[^;()]+)",
        "{target} cannot be reached: {reason}.",
        "Check the host, and the route to it.",
    ),
    _Row(
        "^DEADLINE_EXCEEDED",
        "{target} did not answer as a gRPC service within {deadline}.",
        "The host is down, a firewall drops the packets, or another kind of service listens there.",
        connected=False,
    ),
    _Row(
        "^DEADLINE_EXCEEDED",
        "No reply from {target} within {deadline}.",
        "The service is slow or stuck; a longer --deadline gives it more time.",
    ),
    _Row(
        r"CLIENT: Received message larger than max \((?P<size>\d+) vs\. (?P<most>\d+)\)",
        "The reply has {size} bytes, and the limit is {most}.",
        "Raise it with --max-message-size BYTES, or in the app with F2.",
    ),
    _Row(
        "Decompressed message larger than max",
        "A decompressed message exceeds the limit of its receiver.",
        "For replies, raise it with --max-message-size BYTES, or in the app with F2; for requests, in the service.",
    ),
    _Row(
        r"received message larger than max \((?P<size>\d+) vs\. (?P<most>\d+)\)",
        "The request has {size} bytes, and the service accepts {most}.",
        "Send less, or raise the limit of the service.",
    ),
    _Row(
        r"RST_STREAM with error code (?P<error>\d+)",
        "{target} reset the stream: {error}.",
        "The service rejected or aborted this call; other calls may succeed.",
    ),
    _Row(
        r"GOAWAY.*Error code: (?P<error>\d+)",
        "{target} closed the connection during the call: {error}.",
        "Send the call again: that opens a new connection.",
    ),
    _Row(
        "^UNAVAILABLE .*(Socket closed|Connection reset|Broken pipe|Stream removed|GOAWAY)",
        "The connection to {target} broke during the call.",
        "The service ended, or the network failed. Send the call again when the service is back.",
    ),
    _Row(
        r"http2 header with status: (?P<http>\d+)",
        "{target} answered with HTTP status {http} instead of gRPC.",
        "It is a web server, or a proxy without a service behind it: check the port and the method.",
    ),
    _Row(
        "^UNIMPLEMENTED",
        "{target} has no method {path}.",
        "Check its spelling, which is case-sensitive: /package.Service/Method. The service reports: {details}",
    ),
    _Row(
        "^UNAUTHENTICATED",
        "{target} rejects this call without credentials: {details}",
        "Send metadata with -H NAME:VALUE, or in the app with F2; for reflection with --reflect-header.",
    ),
    _Row("^CANCELLED The connection was closed", "The connection was closed on this side during the call."),
    _Row("^CANCELLED The call was cancelled on this side", "The call was cancelled on this side."),
)
_COMPILED: Final = tuple((re.compile(row.pattern, re.IGNORECASE | re.DOTALL), row) for row in _ROWS)


def explain(status: Status, attempt: Attempt) -> ServiceError:
    """Return the failure as an error for users: a sentence and a hint."""
    if attempt.warning:
        is_about_service = attempt.warning.startswith("The service ")  # not about the relay itself
        return ServiceError(attempt.warning, "Start the service, or check the port." if is_about_service else "")
    line = f"{status.name} {status.message}"
    for pattern, row in _COMPILED:
        match = pattern.search(line)
        if match and row.connected in (None, attempt.connected) and row.secure in (None, attempt.is_secure):
            fields = _fields(status, attempt) | _groups(match)
            return ServiceError(row.message.format(**fields), row.hint.format(**fields))
    return ServiceError(f"{attempt.target} answered {status.name}{': ' if status.message else '.'}{status.message}")


def _fields(status: Status, attempt: Attempt) -> dict[str, str]:
    seconds = "the deadline" if math.isinf(attempt.deadline) else f"{attempt.deadline:g} s"
    return {"target": attempt.target, "path": attempt.path, "deadline": seconds, "details": status.message or "nothing"}


def _groups(match: re.Match[str]) -> dict[str, str]:
    """Return the groups of a match, with the name of an HTTP/2 error code (RFC 9113 §7) for its number."""
    groups = {name: text.strip() for name, text in match.groupdict("").items()}
    if groups.get("error", "").isdigit():
        groups["error"] = error_name(int(groups["error"]))
    return groups
