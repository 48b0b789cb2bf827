"""The base parser, and the forms of option values."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, NoReturn

from inspector.capture.source import Target
from inspector.errors import UsageError

if TYPE_CHECKING:
    from _typeshed import SupportsWrite


class Parser(ArgumentParser):
    """argparse's own, but that a faulty command line is a UsageError."""

    def read(self, arguments: Sequence[str]) -> Namespace:
        """Parse a command line; `given` are the options on it that ask for something else than their defaults."""
        options = self.parse_args(arguments)
        options.given = tuple(self._given(options))
        return options

    def _given(self, options: Namespace) -> Iterator[str]:
        """Those options, by their long names: for `--[no-]x`, the one of the two that was meant."""
        for action in self._actions:
            value = getattr(options, action.dest, action.default)
            if action.option_strings and value != action.default:
                names = [name for name in action.option_strings if name.startswith("--")]
                yield names[-1] if value is False else names[0]

    def error(self, message: str) -> NoReturn:
        """Raise it, in the place of many lines of usage and an exit."""
        raise UsageError(f"{message[:1].upper()}{message[1:]}.", f"`{self.prog} --help` tells what it takes.")

    def print_help(self, file: SupportsWrite[str] | None = None) -> None:
        """Print all of it, or as much as its reader wants. Raises OutputError."""
        from inspector.headless.output import Output, ReaderGone  # noqa: PLC0415 - only where it is asked for

        if file is not None:
            super().print_help(file)
            return
        try:
            Output().texts([self.format_help().rstrip("\n")])
        except ReaderGone:
            return


_UNITS: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
LEAST_MEMORY: Final = 256 << 20
"""What tshark and this program need to begin with, and some room to work."""
_DIGITS: Final = 30
_LARGEST: Final = (1 << 31) - 1
"""gRPC takes an int32."""


def ports(text: str) -> frozenset[int]:
    """TCP ports, as in `50051` or `50051,8080`."""
    parts = text.split(",")
    if not all(_is_number(part) and 0 < int(part) < 1 << 16 for part in parts):
        raise ArgumentTypeError(f"{text!r} is no list of TCP ports such as 50051 or 50051,8080")
    return frozenset(map(int, parts))


def listener(text: str) -> Target:
    """Where the tap listens, as in `localhost:0` or `unix:/tmp/x.sock`."""
    try:
        return Target.parse_listener(text)
    except UsageError as error:
        raise ArgumentTypeError(f"{error.message.rstrip('.')}; {error.hint[:1].lower()}{error.hint[1:-1]}") from error


def count(text: str) -> int:
    """How many lines, at least one."""
    if not (_is_number(text) and int(text) > 0):
        raise ArgumentTypeError(f"{text!r} is no number of lines")
    return int(text)


def seconds(text: str, below: float = 1e9) -> float:
    """A length of time, more than none."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < below:
        raise ArgumentTypeError(f"{text!r} is no number of seconds")
    return number


def size(text: str) -> int:
    """Bytes of a message, as in `1000000` or `64M`."""
    return min(_bytes(text, "1000000 or 64M"), _LARGEST)


def memory(text: str) -> int:
    """Bytes of memory, as in `800M` or `2G`."""
    number = _bytes(text, "800M or 2G")
    if number < LEAST_MEMORY:
        raise ArgumentTypeError(f"{text} is too little to work with: {LEAST_MEMORY >> 20}M at least")
    return number


def _bytes(text: str, such_as: str) -> int:
    number, unit = (text[:-1], text[-1:].lower()) if text[-1:].isalpha() else (text, "")
    if not (_is_number(number) and unit in _UNITS and int(number) * _UNITS[unit] > 0):
        raise ArgumentTypeError(f"{text!r} is no size such as {such_as}")
    return int(number) * _UNITS[unit]


def _is_number(text: str) -> bool:
    """True for a plain one, of no more digits than anybody means: Python itself refuses thousands."""
    return text.isascii() and text.isdigit() and len(text) < _DIGITS
