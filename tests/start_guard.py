"""Refuses the start of tshark, a capture engine or a terminal in tests without the mark `system`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

PROGRAMS: Final = frozenset({"tshark", "sharkd", "dumpcap", "tcpdump", "tmux"})


class StartGuard:
    """Refuses to start a program unless it is allowed.

    In this process an audit hook raises. Children find programs that fail, first on PATH, and that write to a log.
    """

    def __init__(self) -> None:
        self.is_allowed = True
        self._log: Path | None = None
        sys.addaudithook(self._audit)  # cannot be removed, so there is one guard

    def put_on_path(self, folder: Path) -> None:
        """Have children of children find programs that fail."""
        self._log = folder / "started.log"
        for name in PROGRAMS:
            script = folder / name
            script.write_text(f'#!/bin/sh\necho {name} >>"{self._log}"\nexit 1\n')
            script.chmod(0o755)
        os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"

    def take_started(self) -> list[str]:
        """Return the programs that children tried to start since the last call."""
        if self._log is None or not self._log.exists():
            return []
        started = self._log.read_text().split()
        self._log.unlink()
        return started

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.is_allowed or event not in _EVENTS:
            return
        if (name := Path(_EVENTS[event](arguments)).name) in PROGRAMS:
            raise RuntimeError(f"This test starts {name}: mark it with `pytest.mark.system`.")


def _popen_program(arguments: tuple[Any, ...]) -> str:
    executable, argv = arguments[:2]
    return os.fsdecode(executable or (argv if isinstance(argv, str | bytes) else argv[0]))


_EVENTS: Final[dict[str, Callable[[tuple[Any, ...]], str]]] = {
    "subprocess.Popen": _popen_program,
    "os.exec": lambda arguments: os.fsdecode(arguments[0]),
    "os.posix_spawn": lambda arguments: os.fsdecode(arguments[0]),
}
