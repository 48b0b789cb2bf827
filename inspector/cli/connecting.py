"""The options that say how to reach a service, named as in grpcurl, and what they come to."""

from __future__ import annotations

from argparse import Namespace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from inspector.cli import values
from inspector.cli.parser import Parser
from inspector.errors import UsageError

if TYPE_CHECKING:
    from inspector.client.options import ConnectionOptions

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
        type=partial(values.seconds, below=_LONGEST_KEEPALIVE),
        metavar="SECONDS",
        help="PING a quiet connection so often",
    )
    group.add_argument("--max-message-size", type=values.size, metavar="BYTES", help="how large a reply may be (64M)")


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
