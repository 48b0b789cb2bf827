"""The options that say which headers are secrets, and what they come to."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError, Namespace
from typing import TYPE_CHECKING, Final

from inspector.cli.parser import Parser

if TYPE_CHECKING:
    from inspector.model.secrets import Secrets

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
