"""A parser of options that fails in one sentence, and whose help may be cut short by its reader."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NoReturn

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
