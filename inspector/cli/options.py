"""The options of each command: names, forms and help."""

from __future__ import annotations

import re
from argparse import SUPPRESS, ArgumentTypeError, BooleanOptionalAction, Namespace, RawDescriptionHelpFormatter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from inspector import __version__
from inspector.cli import arguments
from inspector.cli.arguments import Parser
from inspector.errors import UsageError

if TYPE_CHECKING:
    from inspector.client.options import ConnectionOptions
    from inspector.model.secrets import Secrets

_LONGEST_KEEPALIVE: Final = 1e6


def add_connection_options(parser: Parser) -> None:
    """Add them as a group."""
    group = parser.add_argument_group("connection")
    how = group.add_mutually_exclusive_group()
    how.add_argument("--plaintext", action="store_true", help="without TLS, as is usual here")
    how.add_argument("--tls", action="store_true", help="with TLS; the options for it imply it")
    group.add_argument("--cacert", type=Path, metavar="FILE", help="trust these authorities (PEM)")
    group.add_argument("--cert", type=Path, metavar="FILE", help="the client's certificate (PEM), for mutual TLS")
    group.add_argument("--key", type=Path, metavar="FILE", help="its private key (PEM)")
    group.add_argument("--servername", metavar="NAME", help="the name that the certificate must be for")
    group.add_argument("--insecure", action="store_true", help="trust the certificate that the service shows now")
    group.add_argument("--authority", metavar="NAME", help="the :authority of the calls")
    group.add_argument(
        "--keepalive-time",
        type=partial(arguments.seconds, below=_LONGEST_KEEPALIVE),
        metavar="SECONDS",
        help="PING a quiet connection so often",
    )
    group.add_argument(
        "--max-message-size", type=arguments.size, metavar="BYTES", help="how large a reply may be (64M)"
    )


def connection_options(options: Namespace) -> ConnectionOptions:
    """What the options come to, plaintext for a command without them; UsageError where they contradict each other."""
    from inspector.client.options import LARGEST_MESSAGE, PLAINTEXT, ConnectionOptions, Security  # noqa: PLC0415

    if "tls" not in options:
        return PLAINTEXT
    named = (options.cacert, options.cert, options.key, options.servername)
    is_secure = options.tls or options.insecure or any(each is not None for each in named)
    if is_secure and options.plaintext:
        raise UsageError("--plaintext and the options for TLS contradict each other.", "Leave one of them out.")
    if options.insecure and options.cacert:
        raise UsageError("--insecure trusts any certificate, and --cacert only some.", "Leave one of them out.")
    security = Security(*named, is_verified=not options.insecure) if is_secure else None
    largest = options.max_message_size or LARGEST_MESSAGE
    return ConnectionOptions(security, options.authority, options.keepalive_time, largest)


_NAME: Final = re.compile(r"[0-9a-z_.-]+")
"""Of gRPC metadata."""


def add_secret_options(parser: Parser, where: str) -> None:
    """Add them as a group; `where` names what the command writes."""
    group = parser.add_argument_group("secrets")
    group.add_argument(
        "--secret-header",
        type=_names,
        action="extend",
        default=[],
        metavar="NAME[,NAME…]",
        help=f"also mask these headers in {where}, besides authorization, proxy-authorization, cookie and set-cookie",
    )
    group.add_argument("--show-secrets", action="store_true", help="mask none of them")


def secrets_of(options: Namespace) -> Secrets:
    """Return what the options come to."""
    from inspector.model.secrets import DEFAULT_NAMES, Secrets  # noqa: PLC0415 - only where it is needed

    return Secrets(DEFAULT_NAMES | set(options.secret_header), options.show_secrets)


def _names(text: str) -> list[str]:
    names = [name.strip().lower() for name in text.split(",")]
    for name in names:
        if not _NAME.fullmatch(name):
            raise ArgumentTypeError(f"{name!r} is no name of metadata such as x-api-key")
        if name.startswith("grpc-"):
            raise ArgumentTypeError(f"{name} cannot be masked: gRPC itself writes it, and a call is known by it")
    return names


_EXAMPLES: Final = """\
commands:
  frames SOURCE                     one line per HTTP/2 frame
  calls SOURCE                      one line per call
  connections SOURCE                one line per connection
  follow SOURCE CONNECTION/STREAM   the headers and messages of one stream
  call HOST:PORT METHOD [JSON…]     send one call and print the frames that carried it
  list HOST:PORT [SERVICE]          the services of a server, or the methods of one
  describe HOST:PORT [SYMBOL]       a service, method, message or enum as proto source
  doctor                            what is installed and permitted here
  COMMAND --help tells more.

examples:
  grpc-inspector                    start the sample greet service, and the app on it
  grpc-inspector localhost:50051    watch and call a service that runs already
  grpc-inspector trace.pcapng       open a capture
  tcpdump -U -w - tcp port 50051 | grpc-inspector -
  tcpdump -U -w - tcp port 50051 | grpc-inspector calls - --json
"""
_SOURCE_HELP: Final = "HOST:PORT or unix:PATH (live), a capture file, or - for a capture on standard input"


def app(name: str) -> Parser:
    """`grpc-inspector [SOURCE]`."""
    parser = Parser(
        name,
        usage="%(prog)s [SOURCE] [options]\n       %(prog)s COMMAND …",
        description="Sends gRPC calls and shows, live, the HTTP/2 frames that carried them.",
        epilog=_EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument("source", nargs="?", metavar="SOURCE", help=_SOURCE_HELP)
    _add_capture_options(parser)
    _add_schema_options(parser)
    add_connection_options(parser)
    add_secret_options(parser, "the history, copies and exports")
    return parser


def frames(name: str) -> Parser:
    """`grpc-inspector frames SOURCE`."""
    return _printing(name, "Print one line per HTTP/2 frame, as soon as it is decoded.")


def calls(name: str) -> Parser:
    """`grpc-inspector calls SOURCE`."""
    return _printing(name, "Print one line per call: of a live capture when it ends, of a file in the order of starts.")


def connections(name: str) -> Parser:
    """`grpc-inspector connections SOURCE`."""
    description = "Print one line per connection; --json tells settings, windows, PINGs, GOAWAYs and resets."
    return _printing(name, description, has_messages=False)


def follow(name: str) -> Parser:
    """`grpc-inspector follow SOURCE CONNECTION/STREAM`."""
    parser = Parser(name, description="Print the headers and messages of one stream, both directions.")
    parser.add_argument("source", metavar="SOURCE", help=_SOURCE_HELP)
    parser.add_argument("stream", metavar="CONNECTION/STREAM", help="as in 0/1")
    parser.add_argument("--html", action="store_true", help="print one HTML page")
    parser.add_argument("--messages", type=Path, metavar="FOLDER", help="save its messages there, raw, a file each")
    _add_capture_options(parser)
    _add_schema_options(parser)
    _add_limits(parser, has_lines=False)
    add_secret_options(parser, "the page of --html")
    return parser


def call(name: str) -> Parser:
    """`grpc-inspector call HOST:PORT METHOD [JSON…]`."""
    parser = Parser(
        name,
        description="Send one call and print the very frames that carried it.",
        epilog="The exit status is 0 for OK, else 64 and the gRPC status code.",
    )
    parser.add_argument("target", metavar="HOST:PORT")
    parser.add_argument("method", metavar="METHOD", help="/package.Service/Method or package.Service/Method")
    parser.add_argument("messages", nargs="*", metavar="JSON", help="a request each; - reads them from standard input")
    parser.add_argument("-H", "--header", action="append", default=[], metavar="NAME:VALUE", help="metadata to send")
    parser.add_argument(
        "--deadline",
        type=arguments.seconds,
        metavar="SECONDS",
        help="give up after so long (a unary call: 5, a stream: never)",
    )
    parser.add_argument("--gzip", action="store_true", help="compress the requests")
    parser.add_argument(
        "--kind",
        choices=("unary", "client_streaming", "server_streaming", "bidi_streaming"),
        help='call a method that no schema knows, with field numbers ({"1": "World"}) or bytes (0x0a05…)',
    )
    parser.add_argument("--wait-for-ready", action="store_true", help="wait for a service that is not there yet")
    parser.add_argument("--json", action="store_true", help="print the call as one JSON object")
    add_connection_options(parser)
    _add_capture_options(parser)
    _add_schema_options(parser)
    parser.add_argument("--write", type=Path, metavar="FILE", help="keep the capture")
    return parser


def list_services(name: str) -> Parser:
    """`grpc-inspector list HOST:PORT [SERVICE]`."""
    return _asking(name, "Print the services of a server, or the methods of one.", "SERVICE")


def describe(name: str) -> Parser:
    """`grpc-inspector describe HOST:PORT [SYMBOL]`."""
    return _asking(
        name, "Print a service, method, message or enum as proto source; without one all services.", "SYMBOL"
    )


def doctor(name: str) -> Parser:
    """`grpc-inspector doctor`."""
    parser = Parser(name, description="Tell what is installed and permitted here, and how to mend what is not.")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    return parser


def _asking(name: str, description: str, symbol: str) -> Parser:
    parser = Parser(name, description=description)
    parser.add_argument("target", metavar="HOST:PORT")
    parser.add_argument("symbol", nargs="?", metavar=symbol, help="by its full name, as in package.Service")
    parser.add_argument(
        "--deadline", type=arguments.seconds, default=5.0, metavar="SECONDS", help="give up after so long (5)"
    )
    add_connection_options(parser)
    _add_schema_options(parser)
    parser.set_defaults(seen_reflection=False)  # there is no capture
    return parser


def _printing(name: str, description: str, *, has_messages: bool = True) -> Parser:
    parser = Parser(name, description=description)
    parser.add_argument("source", metavar="SOURCE", help=_SOURCE_HELP)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    _add_capture_options(parser)
    _add_schema_options(parser, is_shown=has_messages)
    _add_limits(parser)
    return parser


def _add_capture_options(parser: Parser) -> None:
    group = parser.add_argument_group("capture")
    engines = ("auto", "tcpdump", "dumpcap", "tap")
    group.add_argument("--engine", choices=engines, default="auto", help="what captures; auto: the first that may")
    group.add_argument("--interface", metavar="IF", help="capture there, not where the host's route leads")
    group.add_argument(
        "--listen",
        type=arguments.listener,
        metavar="ADDRESS",
        help="where the tap listens: HOST:PORT (0: any free one) or unix:PATH; without, localhost:0; implies the tap",
    )
    group.add_argument(
        "--port",
        type=arguments.ports,
        default=frozenset(),
        metavar="N[,N…]",
        help="decode as HTTP/2; with a service, capture these ports of its host too",
    )
    group.add_argument(
        "--memory",
        type=arguments.memory,
        metavar="SIZE",
        help="as 800M or 2G, with tshark's; beyond it the oldest frames leave (a third of what is free, 512M to 8G)",
    )
    group.add_argument("--tls-keylog", type=Path, metavar="FILE", help="TLS secrets, as SSLKEYLOGFILE has them")
    group.add_argument(
        "--seen-reflection",
        action=BooleanOptionalAction,
        default=True,
        help="learn the schema from reflection answers that are in the capture, or do not",
    )


def _add_schema_options(parser: Parser, *, is_shown: bool = True) -> None:
    """Add them, without help where `applicability` refuses them."""
    group = parser.add_argument_group("schema") if is_shown else parser

    def help_of(text: str) -> str:
        return text if is_shown else SUPPRESS

    for name, what, meaning in (
        ("--proto", "FILE", "read these .proto files"),
        ("--proto-path", "DIR", "their imports start from these folders"),
        ("--protoset", "FILE", "read these descriptor sets, as `protoc --descriptor_set_out` writes them"),
    ):
        group.add_argument(name, type=Path, nargs="+", action="extend", default=[], metavar=what, help=help_of(meaning))
    group.add_argument(
        "--reflect-header",
        action="append",
        default=[],
        metavar="NAME:VALUE",
        help=help_of("metadata to ask for the schema with"),
    )
    group.add_argument(
        "--reflection",
        action=BooleanOptionalAction,
        help=help_of("ask the service for its schema, or do not; by default where no file is named"),
    )


def _add_limits(parser: Parser, *, has_lines: bool = True) -> None:
    group = parser.add_argument_group("limits")
    group.add_argument(
        "--count", type=arguments.count, metavar="N", help="end after N lines" if has_lines else SUPPRESS
    )
    group.add_argument(
        "--for", type=arguments.seconds, dest="seconds", metavar="SECONDS", help="end a live capture after so long"
    )
    group.add_argument("--write", type=Path, metavar="FILE", help="keep the capture")
