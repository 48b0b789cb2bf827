"""Which options have an effect with which command and source, in one table: no option is silently ignored."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from inspector.capture.engines.registry import ENGINES, EngineType, candidates
from inspector.capture.source import FileSource, LiveSource, Source
from inspector.client.options import CallSettings, ConnectionOptions, Security, settings_of
from inspector.errors import UsageError

_SCHEMA_COMMANDS: Final = ("list", "describe")
"""The commands that request a schema and capture nothing."""


@dataclass(frozen=True, slots=True)
class Situation:
    """A command line, as the rules see it."""

    command: str
    """Empty for the app."""
    options: Namespace
    source: Source | None
    """None for commands that capture nothing."""
    is_secure: bool = False
    """True for calls over TLS."""

    @property
    def service(self) -> LiveSource | None:
        """The service that is captured; None for a file or a stream, and for commands that capture nothing."""
        return self.source if isinstance(self.source, LiveSource) else None

    @property
    def is_capture(self) -> bool:
        """True for a file or standard input."""
        return self.source is not None and self.service is None

    @property
    def engines(self) -> tuple[EngineType, ...]:
        """The engines that can capture the service; all of them where there is none."""
        if (service := self.service) is None:
            return tuple(ENGINES.values())
        return candidates(service.engine, unix_socket=bool(service.target.path), listens=service.listen is not None)

    @property
    def has_files(self) -> bool:
        """True when schema files are named."""
        return bool(self.options.proto or self.options.protoset)

    @property
    def uses_reflection(self) -> bool:
        """True when the schema is requested from the service, if there is one."""
        return not self.has_files if self.options.reflection is None else bool(self.options.reflection)

    @property
    def is_unreadable(self) -> bool:
        """True for a call whose frames cannot be read, as it goes over TLS."""
        return self.command == "call" and self.is_secure

    def fields(self, option: str) -> dict[str, object]:
        """Return the fields of the sentences about an option."""
        engine = getattr(self.options, "engine", "")
        return {"option": option, "command": self.command, "source": self.source, "engine": engine}


@dataclass(frozen=True, slots=True)
class Need:
    """What an option needs to have an effect, and the sentence for a situation without it."""

    holds: Callable[[Situation], bool]
    message: str
    """A format with the fields {option}, {command}, {source} and {engine}."""
    hint: str = "Leave it out."
    is_note: bool = False
    """True for a remark, False for an error."""


LIVE: Final = Need(
    lambda situation: not situation.is_capture,
    "{option} is for a live capture, and {source} is a capture already.",
)
NETWORK: Final = Need(
    lambda situation: (
        situation.service is None
        or not situation.service.target.path
        or bool(candidates(situation.service.engine, unix_socket=True))
    ),
    "{engine} cannot capture a Unix socket, which is not on a network.",
    "The tap can: --engine tap.",
)
PROGRAM: Final = Need(
    lambda situation: any(engine.has_interfaces for engine in situation.engines),
    "{option} is for tcpdump and dumpcap: the tap relays connections and uses no interface.",
)
TAP: Final = Need(
    lambda situation: situation.service is None or bool(candidates(situation.service.engine, listens=True)),
    "{option} is for the tap, and {engine} listens on no address.",
    "Leave it out, or choose --engine tap.",
)
WIDER: Final = Need(
    lambda situation: (
        situation.service is None
        or not situation.service.ports
        or any(engine.has_multiple_ports for engine in situation.engines)
    ),
    "{option} adds ports to the capture, and the tap relays to {source} alone.",
)
KEPT: Final = Need(
    lambda situation: situation.command != "call" or situation.options.write is not None,
    "{option} adds ports to the capture, and `call` prints one call of it.",
    "Leave it out, or save the capture with --write FILE.",
)
SEEN: Final = Need(
    lambda situation: not situation.is_unreadable,
    "{option} has no effect on a call over TLS, which cannot be read on the wire: gRPC does not export its keys.",
    "Leave it out: the trace of the client is printed.",
)
SEEN_OR_NOTED: Final = Need(SEEN.holds, SEEN.message, "The trace of the client is printed.", is_note=True)
ENCRYPTED: Final = Need(
    lambda situation: situation.command != "call" or situation.is_secure,
    "{option} decrypts TLS, and this call is sent in plaintext.",
)
ENDLESS: Final = Need(
    lambda situation: not (isinstance(situation.source, FileSource) and situation.source.path.is_file()),
    "{option} ends a live capture, and {source} ends by itself.",
)
LINES: Final = Need(
    lambda situation: situation.command != "follow",
    "{option} is for lists of frames, calls and connections, and `follow` prints one stream.",
)
CALLS: Final = Need(
    lambda situation: not situation.is_capture,
    "{option} is for calls, and none are sent from a capture.",
)
MESSAGES: Final = Need(
    lambda situation: situation.command != "connections",
    "{option} is for reading messages, and `connections` prints none.",
)
PROTO: Final = Need(
    lambda situation: bool(situation.options.proto),
    "{option} is for the imports of --proto files, and no such file is named.",
    "Add --proto FILE, or leave it out.",
)
SERVICE: Final = Need(
    lambda situation: not situation.is_capture,
    "{option} is for requesting the schema of a service, and {source} is a capture.",
)
FOREIGN: Final = Need(
    lambda situation: situation.service is None or not situation.service.greet,
    "{option} is for requesting the schema of a service, and that of the sample service is built in.",
)
REFLECTION: Final = Need(
    lambda situation: situation.uses_reflection,
    "{option} is for requesting the schema of the service, which named files or --no-reflection rule out.",
    "Leave it out, or add --reflection.",
)
CONNECTING: Final = Need(
    lambda situation: situation.command not in _SCHEMA_COMMANDS or situation.uses_reflection,
    "{option} is for connecting to the service, and `{command}` only reads the named files.",
    "Leave it out, or add --reflection.",
)
PAGE: Final = Need(
    lambda situation: situation.command != "follow" or situation.options.html,
    "{option} is for the page of --html, and text output masks nothing.",
    "Leave it out, or add --html.",
)
MASKED: Final = Need(
    lambda situation: not situation.options.show_secrets,
    "{option} masks a header, and --show-secrets masks none.",
    "Leave one of them out.",
)
_CONNECTION: Final = (CALLS, CONNECTING)


def _options_of(*owners: type) -> list[str]:
    return [setting.option for owner in owners for setting in settings_of(owner).values()]


NEEDS: Final[Mapping[str, tuple[Need, ...]]] = {
    "--engine": (LIVE, NETWORK, SEEN_OR_NOTED),
    "--interface": (LIVE, PROGRAM, SEEN),
    "--listen": (LIVE, TAP, SEEN),
    "--port": (WIDER, SEEN, KEPT),
    "--memory": (SEEN,),
    "--tls-keylog": (SEEN, ENCRYPTED),
    "--seen-reflection": (),
    "--no-seen-reflection": (),
    "--proto": (MESSAGES,),
    "--proto-path": (MESSAGES, PROTO),
    "--protoset": (MESSAGES,),
    "--reflection": (MESSAGES, SERVICE, FOREIGN),
    "--no-reflection": (),
    "--reflect-header": (MESSAGES, SERVICE, FOREIGN, REFLECTION),
    "--plaintext": (),
    "--tls": _CONNECTION,
    **dict.fromkeys(_options_of(Security, ConnectionOptions), _CONNECTION),
    **dict.fromkeys(_options_of(CallSettings), ()),
    "--deadline": (CONNECTING,),
    "--header": (),
    "--kind": (),
    "--count": (LINES,),
    "--for": (ENDLESS,),
    "--write": (SEEN,),
    "--json": (),
    "--html": (),
    "--secret-header": (PAGE, MASKED),
    "--show-secrets": (PAGE,),
    "--messages": (),
}
"""By option: what it needs. Empty for an option that always has an effect, or requests the default."""


def check_options(situation: Situation) -> list[str]:
    """Return remarks about the options. Raises UsageError for the first option that would have no effect."""
    unmet = [
        (need, option)
        for option in situation.options.given
        for need in NEEDS.get(option, ())
        if not need.holds(situation)
    ]
    for need, option in unmet:
        if not need.is_note:
            fields = situation.fields(option)
            raise UsageError(need.message.format(**fields), need.hint.format(**fields))
    return [f"{need.message} {need.hint}".format(**situation.fields(option)) for need, option in unmet]
