"""Which options have an effect with which command and source: one table, so that no option silently does nothing.

Owns the rules and their sentences. What an option means is for the commands; its form is for `parsers`.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from inspector.capture.source import FileSource, LiveSource, Source
from inspector.client.options import CallSettings, ConnectionOptions, Security, settings_of
from inspector.errors import UsageError

_QUESTIONS: Final = ("list", "describe")
"""The commands that ask a service for its schema, and capture nothing."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What was asked for, as far as the rules go."""

    command: str
    """The name of the command; empty for the app."""
    options: Namespace
    source: Source | None
    """None for commands that capture nothing."""
    is_secure: bool = False
    """True for calls over TLS."""

    @property
    def service(self) -> LiveSource | None:
        """The service that is captured; None for a capture that exists, and where there is no capture."""
        return self.source if isinstance(self.source, LiveSource) else None

    @property
    def is_capture(self) -> bool:
        """True for a file, or for standard input."""
        return self.source is not None and self.service is None

    @property
    def is_tap(self) -> bool:
        """True where only the tap can be meant."""
        service = self.service
        return service is not None and (
            service.engine == "tap" or bool(service.target.path) or service.listen is not None
        )

    @property
    def has_files(self) -> bool:
        """True when files of a schema are named."""
        return bool(self.options.proto or self.options.protoset)

    @property
    def asks_reflection(self) -> bool:
        """True when a service, if there is one, is asked for its schema."""
        return not self.has_files if self.options.reflection is None else bool(self.options.reflection)

    @property
    def is_unseen(self) -> bool:
        """True for one call whose frames cannot be captured."""
        return self.command == "call" and self.is_secure

    def words(self, option: str) -> dict[str, object]:
        """What sentences may speak of."""
        engine = getattr(self.options, "engine", "")
        return {"option": option, "command": self.command, "source": self.source, "engine": engine}


@dataclass(frozen=True, slots=True)
class Need:
    """What must hold for an option to have an effect, and what to say where it does not."""

    holds: Callable[[Situation], bool]
    message: str
    """With {option}, {command}, {source} and {engine}."""
    hint: str = "Leave it out."
    is_note: bool = False
    """True to say so and go on."""


LIVE: Final = Need(
    lambda each: not each.is_capture,
    "{option} is for a live capture, and {source} is a capture already.",
)
NETWORK: Final = Need(
    lambda each: each.service is None or not each.service.target.path or each.service.engine in ("auto", "tap"),
    "{engine} cannot see a Unix socket: it is on no network.",
    "The tap can: --engine tap.",
)
PROGRAM: Final = Need(
    lambda each: not each.is_tap,
    "{option} is for tcpdump and dumpcap: the tap relays connections, and captures on no interface.",
)
TAP: Final = Need(
    lambda each: each.service is None or each.service.engine in ("auto", "tap"),
    "{option} is for the tap, and {engine} listens on no address.",
    "Leave it out, or choose --engine tap.",
)
WIDER: Final = Need(
    lambda each: not (each.is_tap and each.service is not None and each.service.ports),
    "{option} adds ports to what is captured, and the tap relays to {source} alone.",
)
KEPT: Final = Need(
    lambda each: each.command != "call" or each.options.write is not None,
    "{option} adds ports to the capture, and `call` prints one call of it.",
    "Leave it out, or keep the capture with --write FILE.",
)
SEEN: Final = Need(
    lambda each: not each.is_unseen,
    "{option} has no effect on a call over TLS, which cannot be read on the wire: gRPC gives nobody its keys.",
    "Leave it out; the client's own account is printed.",
)
SEEN_OR_NOTED: Final = Need(SEEN.holds, SEEN.message, "The client's own account is printed.", is_note=True)
ENCRYPTED: Final = Need(
    lambda each: each.command != "call" or each.is_secure,
    "{option} decrypts TLS, and this call goes out in plaintext.",
)
ENDLESS: Final = Need(
    lambda each: not (isinstance(each.source, FileSource) and each.source.path.is_file()),
    "{option} ends a live capture, and {source} ends by itself.",
)
LINES: Final = Need(
    lambda each: each.command != "follow",
    "{option} is for lists of frames, calls and connections, and `follow` prints one stream.",
)
CALLS: Final = Need(
    lambda each: not each.is_capture,
    "{option} is for calls, and from a capture nothing is called.",
)
MESSAGES: Final = Need(
    lambda each: each.command != "connections",
    "{option} is for reading messages, and `connections` prints none.",
)
PROTO: Final = Need(
    lambda each: bool(each.options.proto),
    "{option} says where the imports of --proto files start, and none is named.",
    "Add --proto FILE, or leave it out.",
)
SERVICE: Final = Need(
    lambda each: not each.is_capture,
    "{option} is for asking a service for its schema, and {source} is a capture.",
)
FOREIGN: Final = Need(
    lambda each: each.service is None or not each.service.greet,
    "{option} is for asking a service for its schema, and that of the sample service is built in.",
)
ASKED: Final = Need(
    lambda each: each.asks_reflection,
    "{option} is for asking the service for its schema, which named files or --no-reflection rule out.",
    "Leave it out, or add --reflection.",
)
ASKED_AT_ALL: Final = Need(
    lambda each: each.command not in _QUESTIONS or each.asks_reflection,
    "{option} is for asking the service, and `{command}` only reads the files that are named.",
    "Leave it out, or add --reflection.",
)
PAGE: Final = Need(
    lambda each: each.command != "follow" or each.options.html,
    "{option} is for the page of --html, and text on standard output masks nothing.",
    "Leave it out, or add --html.",
)
MASKED: Final = Need(
    lambda each: not each.options.show_secrets,
    "{option} masks a header, and --show-secrets masks none.",
    "Leave one of them out.",
)
_CONNECTION: Final = (CALLS, ASKED_AT_ALL)


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
    "--reflect-header": (MESSAGES, SERVICE, FOREIGN, ASKED),
    "--plaintext": (),
    "--tls": _CONNECTION,
    **dict.fromkeys(_options_of(Security, ConnectionOptions), _CONNECTION),
    **dict.fromkeys(_options_of(CallSettings), ()),
    "--deadline": (ASKED_AT_ALL,),
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
"""Every option of every command with what it needs; an empty tuple where it always has an effect, or where it asks for
what is so anyway."""


def check_options(situation: Situation) -> list[str]:
    """Raise UsageError for the first option that would have no effect; return the sentences to say about others."""
    unmet = [
        (need, option)
        for option in situation.options.given
        for need in NEEDS.get(option, ())
        if not need.holds(situation)
    ]
    for need, option in unmet:
        if not need.is_note:
            words = situation.words(option)
            raise UsageError(need.message.format(**words), need.hint.format(**words))
    return [f"{need.message} {need.hint}".format(**situation.words(option)) for need, option in unmet]
