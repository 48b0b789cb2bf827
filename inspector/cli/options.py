"""The parser of each command: its options, how their values are read, and their help.

Options for the settings of calls, connections and TLS are built from `client.options`. Whether an option has an effect
with a given command and source is decided in `applicability`.
"""

from __future__ import annotations

import re
from argparse import (
    SUPPRESS,
    ArgumentParser,
    ArgumentTypeError,
    BooleanOptionalAction,
    Namespace,
    RawDescriptionHelpFormatter,
)
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from inspector import __version__
from inspector.capture.engines.registry import CHOICES
from inspector.capture.source import Target
from inspector.client.options import (
    PLAINTEXT,
    CallSettings,
    ConnectionOptions,
    Security,
    parse_metadata,
    parse_seconds,
    parse_size,
    settings_of,
)
from inspector.errors import UsageError

if TYPE_CHECKING:
    from argparse import _ArgumentGroup

    from _typeshed import SupportsWrite

    from inspector.model.secrets import Secrets

MIN_MEMORY: Final = 256 << 20
"""What tshark and this program need to begin with, and some room to work."""
_MAX_DIGITS: Final = 30
"""Far more than any count or port; Python raises ValueError for an integer of more than 4,300 digits."""
_METADATA_NAME: Final = re.compile(r"[0-9a-z_.-]+")
_T = TypeVar("_T")


class Parser(ArgumentParser):
    """An argparse parser that raises UsageError instead of printing its usage and exiting."""

    def read(self, arguments: Sequence[str]) -> Namespace:
        """Parse a command line; `given` of the result are the options on it whose values are not their defaults."""
        options = self.parse_args(arguments)
        options.given = tuple(self._given(options))
        return options

    def _given(self, options: Namespace) -> Iterator[str]:
        """Yield the long names of those options; of `--[no-]x` the one that was meant."""
        for action in self._actions:
            value = getattr(options, action.dest, action.default)
            if action.option_strings and value != action.default:
                names = [name for name in action.option_strings if name.startswith("--")]
                yield names[-1] if value is False else names[0]

    def error(self, message: str) -> NoReturn:
        """Raise UsageError for what argparse found."""
        raise UsageError(f"{message[:1].upper()}{message[1:]}.", f"`{self.prog} --help` lists the options.")

    def print_help(self, file: SupportsWrite[str] | None = None) -> None:
        """Print the help, to a reader that may stop reading, as in `--help | head`. Raises OutputError."""
        from inspector.headless.output import Output, ReaderGone  # noqa: PLC0415 - only for --help

        if file is not None:
            super().print_help(file)
            return
        try:
            Output().texts([self.format_help().rstrip("\n")])
        except ReaderGone:
            return


def _type(parse: Callable[[str], _T]) -> Callable[[str], _T]:
    """Make a function that raises UsageError the `type` of an option, so that argparse names the option."""

    def read(text: str) -> _T:
        try:
            return parse(text)
        except UsageError as error:
            hint = f"{error.hint[:1].lower()}{error.hint[1:].rstrip('.')}"
            raise ArgumentTypeError(f"{error.message.rstrip('.')}; {hint}") from error

    return read


def _ports(text: str) -> frozenset[int]:
    parts = text.split(",")
    if not all(_is_number(part) and 0 < int(part) < 1 << 16 for part in parts):
        raise UsageError(f"{text!r} is not a list of TCP ports.", "For example: 50051 or 50051,8080.")
    return frozenset(map(int, parts))


def _line_count(text: str) -> int:
    if not (_is_number(text) and int(text) > 0):
        raise UsageError(f"{text!r} is not a number of lines.", "For example: 10.")
    return int(text)


def _memory(text: str) -> int:
    size = parse_size(text)
    if size < MIN_MEMORY:
        raise UsageError(f"{text} is too little to work with.", f"At least {MIN_MEMORY >> 20}M are needed.")
    return size


def _header_names(text: str) -> list[str]:
    names = [name.strip().lower() for name in text.split(",")]
    for name in names:
        if not _METADATA_NAME.fullmatch(name):
            raise UsageError(f"{name!r} is not a name of metadata.", "For example: x-api-key.")
        if name.startswith("grpc-"):
            raise UsageError(f"{name} cannot be masked.", "gRPC itself writes it, and calls are recognized by it.")
    return names


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < _MAX_DIGITS


def _add_settings(group: _ArgumentGroup | Parser, owner: type) -> None:
    """Add the options for the settings of a class; each value is stored under the name of the field."""
    for name, setting in settings_of(owner).items():
        if setting.is_switch:
            group.add_argument(setting.option, dest=name, action="store_true", help=setting.help)
        else:
            parse = _type(setting.parse)
            group.add_argument(setting.option, dest=name, type=parse, metavar=setting.metavar, help=setting.help)


def _read_settings(options: Namespace, owner: type) -> dict[str, Any]:
    return {name: getattr(options, name) for name in settings_of(owner)}


def _add_connection_options(parser: Parser) -> None:
    group = parser.add_argument_group("connection")
    protocol = group.add_mutually_exclusive_group()
    protocol.add_argument("--plaintext", action="store_true", help="do not use TLS (the default)")
    protocol.add_argument("--tls", action="store_true", help="use TLS; implied by the options for it")
    _add_settings(group, Security)
    _add_settings(group, ConnectionOptions)


def connection_options(options: Namespace) -> ConnectionOptions:
    """Return the options of the connection; PLAINTEXT for a command that has none.

    Raises:
        UsageError: they contradict each other.
    """
    if "tls" not in options:
        return PLAINTEXT
    security = Security(**_read_settings(options, Security))
    is_secure = options.tls or security != Security()
    if is_secure and options.plaintext:
        raise UsageError("--plaintext and the options for TLS contradict each other.", "Leave one of them out.")
    if security.is_insecure and security.roots:
        raise UsageError("--insecure trusts any certificate, and --cacert only some.", "Leave one of them out.")
    return ConnectionOptions(security if is_secure else None, **_read_settings(options, ConnectionOptions))


def call_settings(options: Namespace) -> CallSettings:
    """Return the settings of the call that `call` sends. Raises UsageError."""
    metadata = parse_metadata(options.header)
    return CallSettings(metadata, **_read_settings(options, CallSettings), connection=connection_options(options))


def _add_secret_options(parser: Parser, where: str) -> None:
    """Add the group; `where` names what the command writes with secrets masked."""
    group = parser.add_argument_group("secrets")
    group.add_argument(
        "--secret-header",
        type=_type(_header_names),
        action="extend",
        default=[],
        metavar="NAME[,NAME…]",
        help=f"also mask these headers in {where}, besides authorization, proxy-authorization, cookie and set-cookie",
    )
    group.add_argument("--show-secrets", action="store_true", help="mask nothing")


def secrets_of(options: Namespace) -> Secrets:
    """Return which headers are masked."""
    from inspector.model.secrets import DEFAULT_NAMES, Secrets  # noqa: PLC0415 - only where it is needed

    return Secrets(DEFAULT_NAMES | set(options.secret_header), options.show_secrets)


_EPILOG: Final = """\
commands:
  frames SOURCE                     one line per HTTP/2 frame
  calls SOURCE                      one line per call
  connections SOURCE                one line per connection
  follow SOURCE CONNECTION/STREAM   the headers and messages of one stream
  call HOST:PORT METHOD [JSON…]     send one call and print the frames that carried it
  list HOST:PORT [SERVICE]          the services of a server, or the methods of one
  describe HOST:PORT [SYMBOL]       a service, method, message or enum as proto source
  doctor                            check what is installed and permitted
  `grpc-inspector COMMAND --help` describes a command.

examples:
  grpc-inspector                    start the sample greet service, and the app on it
  grpc-inspector localhost:50051    watch and call a running service
  grpc-inspector trace.pcapng       open a capture
  tcpdump -U -w - tcp port 50051 | grpc-inspector -
  tcpdump -U -w - tcp port 50051 | grpc-inspector calls - --json
"""
_SOURCE_HELP: Final = "HOST:PORT or unix:PATH (live), a capture file, or - for a capture on standard input"


def app(name: str) -> Parser:
    """Make the parser of `grpc-inspector [SOURCE]`."""
    parser = Parser(
        name,
        usage="%(prog)s [SOURCE] [options]\n       %(prog)s COMMAND …",
        description="Send gRPC calls and watch, live, the HTTP/2 frames that carry them.",
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument("source", nargs="?", metavar="SOURCE", help=_SOURCE_HELP)
    _add_capture_options(parser)
    _add_schema_options(parser)
    _add_connection_options(parser)
    _add_secret_options(parser, "the history, copies and exports")
    return parser


def frames(name: str) -> Parser:
    """Make the parser of `grpc-inspector frames SOURCE`."""
    return _list_parser(name, "Print one line per HTTP/2 frame, as soon as it is decoded.")


def calls(name: str) -> Parser:
    """Make the parser of `grpc-inspector calls SOURCE`."""
    description = "Print one line per call: of a live capture when the call ends, of a file in order of their starts."
    return _list_parser(name, description)


def connections(name: str) -> Parser:
    """Make the parser of `grpc-inspector connections SOURCE`."""
    description = "Print one line per connection; --json adds settings, windows, PINGs, GOAWAYs and resets."
    return _list_parser(name, description, has_messages=False)


def follow(name: str) -> Parser:
    """Make the parser of `grpc-inspector follow SOURCE CONNECTION/STREAM`."""
    parser = Parser(name, description="Print the headers and messages of one stream, in both directions.")
    parser.add_argument("source", metavar="SOURCE", help=_SOURCE_HELP)
    parser.add_argument("stream", metavar="CONNECTION/STREAM", help="for example 0/1")
    parser.add_argument("--html", action="store_true", help="print one HTML page")
    parser.add_argument(
        "--messages", type=Path, metavar="FOLDER", help="also save each message there, as a file of its raw bytes"
    )
    _add_capture_options(parser)
    _add_schema_options(parser)
    _add_limits(parser, has_lines=False)
    _add_secret_options(parser, "the page of --html")
    return parser


def call(name: str) -> Parser:
    """Make the parser of `grpc-inspector call HOST:PORT METHOD [JSON…]`."""
    parser = Parser(
        name,
        description="Send one call and print the frames that carried it.",
        epilog="The exit status is 0 for OK, and 64 plus the gRPC status code otherwise.",
    )
    parser.add_argument("target", metavar="HOST:PORT")
    parser.add_argument("method", metavar="METHOD", help="/package.Service/Method or package.Service/Method")
    parser.add_argument(
        "messages", nargs="*", metavar="JSON", help="one request each; - reads them from standard input"
    )
    parser.add_argument("-H", "--header", action="append", default=[], metavar="NAME:VALUE", help="metadata to send")
    _add_settings(parser, CallSettings)
    parser.add_argument(
        "--kind",
        choices=("unary", "client_streaming", "server_streaming", "bidi_streaming"),
        help='call a method without a schema, with field numbers ({"1": "World"}) or bytes (0x0a05…)',
    )
    parser.add_argument("--json", action="store_true", help="print the call as one JSON object")
    _add_connection_options(parser)
    _add_capture_options(parser)
    _add_schema_options(parser)
    parser.add_argument("--write", type=Path, metavar="FILE", help="save the capture to FILE")
    return parser


def list_services(name: str) -> Parser:
    """Make the parser of `grpc-inspector list HOST:PORT [SERVICE]`."""
    return _schema_parser(name, "Print the services of a server, or the methods of one.", "SERVICE")


def describe(name: str) -> Parser:
    """Make the parser of `grpc-inspector describe HOST:PORT [SYMBOL]`."""
    description = "Print a service, method, message or enum as proto source; without SYMBOL, all services."
    return _schema_parser(name, description, "SYMBOL")


def doctor(name: str) -> Parser:
    """Make the parser of `grpc-inspector doctor`."""
    parser = Parser(name, description="Check what is installed and permitted here, and how to fix what is not.")
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    return parser


def _schema_parser(name: str, description: str, symbol: str) -> Parser:
    parser = Parser(name, description=description)
    parser.add_argument("target", metavar="HOST:PORT")
    parser.add_argument("symbol", nargs="?", metavar=symbol, help="its full name, for example package.Service")
    parser.add_argument(
        "--deadline",
        type=_type(parse_seconds),
        default=5.0,
        metavar="SECONDS",
        help="give up after so many seconds (5)",
    )
    _add_connection_options(parser)
    _add_schema_options(parser)
    parser.set_defaults(seen_reflection=False)  # there is no capture
    return parser


def _list_parser(name: str, description: str, *, has_messages: bool = True) -> Parser:
    parser = Parser(name, description=description)
    parser.add_argument("source", metavar="SOURCE", help=_SOURCE_HELP)
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    _add_capture_options(parser)
    _add_schema_options(parser, is_shown=has_messages)
    _add_limits(parser)
    return parser


def _add_capture_options(parser: Parser) -> None:
    group = parser.add_argument_group("capture")
    group.add_argument(
        "--engine",
        choices=CHOICES,
        default="auto",
        help="what captures; auto: the first that is permitted to",
    )
    group.add_argument(
        "--interface", metavar="IF", help="capture on this interface, not on the one that routes to the host"
    )
    group.add_argument(
        "--listen",
        type=_type(Target.parse_listener),
        metavar="ADDRESS",
        help="where the tap listens: HOST:PORT (0: any free port) or unix:PATH (localhost:0); implies the tap",
    )
    group.add_argument(
        "--port",
        type=_type(_ports),
        default=frozenset(),
        metavar="N[,N…]",
        help="decode these ports as HTTP/2; with a service, also capture these ports of its host",
    )
    group.add_argument(
        "--memory",
        type=_type(_memory),
        metavar="SIZE",
        help="the memory limit, tshark included, such as 800M or 2G; beyond it the oldest frames are dropped "
        "(a third of the free memory, from 512M to 8G)",
    )
    group.add_argument("--tls-keylog", type=Path, metavar="FILE", help="TLS keys, in the format of SSLKEYLOGFILE")
    group.add_argument(
        "--seen-reflection",
        action=BooleanOptionalAction,
        default=True,
        help="take the schema from reflection replies in the capture, or do not",
    )


def _add_schema_options(parser: Parser, *, is_shown: bool = True) -> None:
    """Add the group, without help where `applicability` rejects its options."""
    group = parser.add_argument_group("schema") if is_shown else parser

    def help_of(text: str) -> str:
        return text if is_shown else SUPPRESS

    for name, metavar, text in (
        ("--proto", "FILE", "read these .proto files"),
        ("--proto-path", "DIR", "the folders in which their imports are looked up"),
        ("--protoset", "FILE", "read these descriptor sets, as `protoc --descriptor_set_out` writes them"),
    ):
        group.add_argument(name, type=Path, nargs="+", action="extend", default=[], metavar=metavar, help=help_of(text))
    group.add_argument(
        "--reflect-header",
        action="append",
        default=[],
        metavar="NAME:VALUE",
        help=help_of("metadata to send with reflection requests"),
    )
    group.add_argument(
        "--reflection",
        action=BooleanOptionalAction,
        help=help_of("request the schema from the service, or do not; by default only if no file is named"),
    )


def _add_limits(parser: Parser, *, has_lines: bool = True) -> None:
    group = parser.add_argument_group("limits")
    group.add_argument(
        "--count", type=_type(_line_count), metavar="N", help="stop after N lines" if has_lines else SUPPRESS
    )
    group.add_argument(
        "--for",
        type=_type(parse_seconds),
        dest="seconds",
        metavar="SECONDS",
        help="stop a live capture after so many seconds",
    )
    group.add_argument("--write", type=Path, metavar="FILE", help="save the capture to FILE")
