"""The command line: what may be asked for, and who does it."""

from inspector.cli.main import main

__all__ = ["main"]
