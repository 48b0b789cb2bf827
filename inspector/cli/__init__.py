"""The command line: parsers and commands."""

from inspector.cli.main import main

__all__ = ["main"]
