"""Where a call goes and how it is made: addresses, and the settings of calls, connections and TLS.

A setting is a field of `CallSettings`, `ConnectionOptions` or `Security`. The command line, the request editor and its
summary are built from the `Setting` of the field, so a new one is added here and used in `channel`.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from inspector.errors import RequestError, UsageError
from inspector.model.call import CallKind
from inspector.model.frame import Endpoint

Metadata: TypeAlias = tuple[tuple[str, str | bytes], ...]
"""Pairs in the order in which they are sent; names may repeat. Values of `-bin` names are bytes, all others text."""

DEADLINE: Final = 5.0
"""The default deadline of a unary call, in seconds."""
LARGEST_MESSAGE: Final = 64 * 1024 * 1024
"""The default limit of a reply in bytes: 16 times that of gRPC, as replies are there to be inspected."""
_INT32_MAX: Final = (1 << 31) - 1
"""Channel arguments of gRPC are int32."""
_LONGEST_DEADLINE: Final = 1e9
_LONGEST_KEEPALIVE: Final = 1e6
"""Seconds; gRPC counts them in milliseconds, in an int32."""
_ENDLESS: Final = "none"
_SIZE: Final = re.compile(r"([0-9]{1,29})([kmg]?)", re.IGNORECASE | re.ASCII)
_UNITS: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def parse_seconds(text: str, below: float = _LONGEST_DEADLINE) -> float:
    """Parse a duration such as `2.5` or `2.5s`, longer than zero. Raises UsageError."""
    try:
        seconds = float(text.removesuffix("s"))
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < below:
        raise UsageError(f"{text!r} is not a number of seconds.", "For example: 2.5.")
    return seconds


def parse_size(text: str) -> int:
    """Parse a number of bytes such as `1000000`, `800K` or `64M`; units are powers of 1,024. Raises UsageError."""
    match = _SIZE.fullmatch(text)
    size = int(match[1]) * _UNITS[match[2].lower()] if match else 0
    if not size:
        raise UsageError(f"{text!r} is not a size.", "For example: 1000000 or 64M.")
    return size


def _parse_deadline(text: str) -> float:
    return math.inf if text.lower() == _ENDLESS else parse_seconds(text)


def _parse_keepalive(text: str) -> float:
    return parse_seconds(text, _LONGEST_KEEPALIVE)


def _parse_message_size(text: str) -> int:
    return min(parse_size(text), _INT32_MAX)


def _parse_authority(text: str) -> str:
    if not re.fullmatch("[!-~]+", text):
        raise UsageError(f"{text!r} cannot be an authority.", "For example: localhost:50051.")
    return text


@dataclass(frozen=True, slots=True)
class Setting:
    """How users write a setting on the command line and in the request editor."""

    option: str
    help: str
    metavar: str = ""
    """The placeholder of the value in `--help`; empty for a switch."""
    parse: Callable[[str], Any] = str
    """Parses a value; raises UsageError."""
    label: str = ""
    """The label of its field in the request editor; empty for a setting that the editor does not offer."""
    placeholder: str = ""
    """What the editor shows in an empty field; empty where the default depends on the kind of call."""
    summary: str = ""
    """A few words about a value that is not the default; `{}` stands for the value."""

    @property
    def is_switch(self) -> bool:
        """True for a setting that is either on or off."""
        return not self.metavar

    def text(self, value: Any) -> str:
        """Return a value as `parse` reads it; empty for the default."""
        if value is None:
            return ""
        if isinstance(value, float):
            return _ENDLESS if math.isinf(value) else f"{value:.9g}"
        return str(value)


def _setting(default: Any, *args: Any, **kwargs: Any) -> Any:
    """Declare a field that users can set. Any: the type checker takes the type of the field's annotation."""
    return dataclasses.field(default=default, metadata={"setting": Setting(*args, **kwargs)})


def settings_of(owner: type) -> dict[str, Setting]:
    """Return the settings of a class of this module by the names of their fields."""
    return {field.name: field.metadata["setting"] for field in dataclasses.fields(owner) if field.metadata}


@dataclass(frozen=True, slots=True)
class Security:
    """TLS: which certificates are trusted and sent."""

    roots: Path | None = _setting(None, "--cacert", "trust these authorities (PEM)", "FILE", Path)
    """None for the authorities that gRPC comes with."""
    certificate: Path | None = _setting(
        None, "--cert", "the client's certificate chain (PEM), for mutual TLS", "FILE", Path
    )
    """Goes with `key`."""
    key: Path | None = _setting(None, "--key", "the private key of --cert (PEM)", "FILE", Path)
    server_name: str | None = _setting(None, "--servername", "the name that the certificate must be for", "NAME")
    """None for the host of the address."""
    is_insecure: bool = _setting(False, "--insecure", "trust whatever certificate the service presents")
    """True to trust the certificate that the service presents when the channel is opened, and only that one."""


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """How to connect. A field that is None stands for the default."""

    security: Security | None = None
    """None for plaintext."""
    authority: str | None = _setting(
        None,
        "--authority",
        "the :authority of calls",
        "NAME",
        _parse_authority,
        label="Authority",
        placeholder="host:port",
        summary="authority {}",
    )
    largest_message: int | None = _setting(
        None,
        "--max-message-size",
        "the largest reply to accept (64M)",
        "BYTES",
        _parse_message_size,
        label="Largest reply",
        placeholder="64M",
        summary="up to {} B",
    )
    keepalive: float | None = _setting(
        None,
        "--keepalive-time",
        "send a PING after so many seconds without traffic",
        "SECONDS",
        _parse_keepalive,
        label="PING every",
        placeholder="never",
        summary="PING every {:.6g} s",
    )

    def over(self, defaults: ConnectionOptions) -> ConnectionOptions:
        """Return these options, with `defaults` for those that are None."""
        given = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return replace(defaults, **{name: value for name, value in given.items() if value is not None})

    def for_service(self, authority: str, host: str) -> ConnectionOptions:
        """Return the options for reaching a service through a relay: authority and certificate name are the service's.

        Where the certificate may be for another name, gRPC uses that name as the authority, as it does without a
        relay, and would refuse calls with a different one.
        """
        security = self.security
        if security is None:
            return replace(self, authority=self.authority or authority)
        has_other_name = security.server_name is not None or security.is_insecure
        named = replace(security, server_name=security.server_name or host)
        return replace(self, security=named, authority=self.authority or (None if has_other_name else authority))


PLAINTEXT: Final = ConnectionOptions()


@dataclass(frozen=True, slots=True)
class CallSettings:
    """How one call is made."""

    metadata: Metadata = ()
    deadline: float | None = _setting(
        None,
        "--deadline",
        "give up after so many seconds, connecting included (5 for a unary call, none for a stream)",
        "SECONDS",
        _parse_deadline,
        label="Deadline",
        summary="deadline {:.6g} s",
    )
    """Seconds for all of the call, connecting included; `math.inf` for no deadline, None for that of its kind."""
    is_compressed: bool = _setting(False, "--gzip", "compress the requests", label="gzip", summary="gzip")
    waits_for_ready: bool = _setting(
        False,
        "--wait-for-ready",
        "wait for a service that is not there yet",
        label="wait for ready",
        summary="wait for ready",
    )
    """True to wait, until the deadline, for a service that does not accept connections yet."""
    connection: ConnectionOptions = PLAINTEXT
    masked: tuple[str, ...] = ()
    """The names in `metadata` whose values the history has masked; a user must complete them before a call is sent.

    In `metadata` their values are empty, or consist of the scheme alone.
    """

    def seconds(self, kind: CallKind) -> float:
        """Return the deadline of a call of a kind; `math.inf` for none."""
        if self.deadline is not None:
            return self.deadline
        return DEADLINE if kind is CallKind.UNARY else math.inf

    @property
    def summary(self) -> tuple[str, ...]:
        """A few words about each setting that is not the default."""
        found = [f"{len(self.metadata)} metadata"] if self.metadata else []
        if self.masked:
            found.append(f"{', '.join(self.masked)} masked")
        for owner in (self, self.connection):
            for name, setting in settings_of(type(owner)).items():
                if (value := getattr(owner, name)) is not None and value is not False:
                    found.append("no deadline" if value == math.inf else setting.summary.format(value))
        return tuple(found)


_UNIX: Final = "unix:"
_LOCALHOST: Final = "localhost"


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a service, over TCP or a Unix socket."""

    text: str
    """As gRPC accepts it: HOST:PORT or unix:PATH."""
    service: Endpoint | None
    """None for a Unix socket."""

    @classmethod
    def parse(cls, text: str) -> Address:
        """Parse HOST:PORT, :PORT, [HOST]:PORT or unix:PATH. Raises UsageError."""
        if text.startswith(_UNIX) and len(text) > len(_UNIX):
            return cls(text, None)
        host, _, port = text.rpartition(":")
        if not port.isdecimal():
            raise UsageError(f"{text!r} is not an address.", "Write HOST:PORT, for example localhost:50051.")
        service = Endpoint(host.strip("[]") or _LOCALHOST, int(port))
        return cls(str(service), service)

    def __str__(self) -> str:
        return self.text

    @property
    def path(self) -> str:
        """The path of a Unix socket; empty for TCP."""
        return self.text.removeprefix(_UNIX) if self.service is None else ""

    @property
    def authority(self) -> str:
        """The `:authority` that gRPC sends by default."""
        return _LOCALHOST if self.service is None else self.text

    @property
    def host(self) -> str:
        """The name that the service's certificate must be for."""
        return _LOCALHOST if self.service is None else self.service.host


class Behind(NamedTuple):
    """The service behind a relay."""

    service: str
    """Its address, as it is shown to users."""
    warning: str = ""
    """What is wrong with the way from the relay to the service now, as a sentence; empty when nothing is."""


_NAME: Final = re.compile(r"[0-9a-z_.-]+")
_VALUE: Final = re.compile(r"[ -~]*")


def check_metadata(metadata: Iterable[tuple[str, str | bytes]]) -> Metadata:
    """Return the pairs with names in lower case. Raises RequestError for a pair that gRPC cannot send."""
    checked = tuple((name.lower(), value) for name, value in metadata)
    for name, value in checked:
        if not _NAME.fullmatch(name):
            raise RequestError(
                f"{name!r} is not a valid metadata name.", "Names consist of letters, digits, '-', '_' and '.'."
            )
        if name.endswith("-bin") != isinstance(value, bytes):
            raise RequestError(
                f"The value of the metadata {name} has the wrong type.", "Names that end in -bin have bytes."
            )
        if isinstance(value, str) and not _VALUE.fullmatch(value):
            raise RequestError(
                f"The value of the metadata {name} is not ASCII.", "A name that ends in -bin can have any bytes."
            )
    return checked


def parse_metadata(lines: Iterable[str]) -> Metadata:
    """Parse lines of `name:value`; the value of a name that ends in -bin is base64. Raises UsageError."""
    return tuple(_parse_pair(line) for line in lines)


def _parse_pair(text: str) -> tuple[str, str | bytes]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UsageError(f"{text!r} is not metadata.", "Write it as name:value.")
    name, value = name.strip().lower(), value.strip()
    if not name.endswith("-bin"):
        return name, value
    try:
        return name, base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except binascii.Error as error:
        hint = "Names that end in -bin carry bytes, written as base64."
        raise UsageError(f"The value of {name} is not base64.", hint) from error
