"""A real terminal: tmux with a server of its own, in which a program runs and is typed to."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

needs_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")

PATIENCE = 20.0
"""Seconds until a test gives up on words that never come on the screen."""


class Terminal:
    """One tmux window."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._watch: subprocess.Popen[bytes] | None = None

    def start(self, command: Sequence[str], columns: int, lines: int, environment: dict[str, str]) -> None:
        """Run a program in it; its exit status is shown when it ends."""
        settings = [f"{name}={value}" for name, value in environment.items()]
        # The size of the terminal that the tests run in, where that is told, is not the size of this one.
        line = shlex.join(["env", "-u", "COLUMNS", "-u", "LINES", *settings, *command])
        size = ("-x", str(columns), "-y", str(lines))
        self._tmux("-f", "/dev/null", "new-session", "-d", *size, f"{line}; echo ended with $?; sleep 60")
        # tmux is a daemon: when this process is killed, only the end of a pipe tells so.
        server = self._tmux("display-message", "-p", "#{pid}").strip()
        watch = ["sh", "-c", 'read -r _; kill "$0"', server]
        self._watch = subprocess.Popen(watch, stdin=subprocess.PIPE, start_new_session=True)

    def type(self, *keys: str) -> None:
        """Press keys, by tmux's names; anything else is typed as it is."""
        self._tmux("send-keys", *keys)

    def screen(self) -> str:
        """What is on the screen."""
        return self._tmux("capture-pane", "-p")

    def wait_for(self, *words: str) -> str:
        """The screen, once all the words are on it."""
        deadline = time.monotonic() + PATIENCE
        while not all(word in (screen := self.screen()) for word in words):
            assert time.monotonic() < deadline, f"no {words} in:\n{screen}"
            time.sleep(0.05)
        return screen

    def wait_without(self, *words: str) -> None:
        """Wait until none of the words is on the screen."""
        deadline = time.monotonic() + PATIENCE
        while any(word in (screen := self.screen()) for word in words):
            assert time.monotonic() < deadline, f"{words} in:\n{screen}"
            time.sleep(0.05)

    def take_clipboard(self) -> None:
        """Let programs put something on the clipboard: tmux refuses it unless it is asked to."""
        self._tmux("set-option", "-s", "set-clipboard", "on")

    def clipboard(self) -> str:
        """What a program has put on the clipboard last."""
        return self._tmux("show-buffer")

    def wait_for_modes(self, modes: str) -> None:
        """Wait until the other screen, the mouse and the cursor are on, 1, or off, 0, as told."""
        deadline = time.monotonic() + PATIENCE
        asked = ("display-message", "-p", "#{alternate_on} #{mouse_any_flag} #{cursor_flag}")
        while (found := self._tmux(*asked).strip()) != modes:
            assert time.monotonic() < deadline, found
            time.sleep(0.05)

    def pid(self) -> int:
        """The process that tmux started: a shell, whose child is the program."""
        return int(self._tmux("display-message", "-p", "#{pane_pid}"))

    def tty(self) -> str:
        """The terminal's device."""
        return self._tmux("display-message", "-p", "#{pane_tty}").strip()

    def close(self) -> None:
        """End tmux and all in it."""
        if self._watch is not None:
            self._watch.kill()
            self._watch.communicate()
        with contextlib.suppress(subprocess.CalledProcessError):
            self._tmux("kill-server")

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-S", str(self._socket), *arguments]
        environment = {**os.environ, "TERM": "xterm-256color"}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=20)
        return done.stdout


@contextlib.contextmanager
def terminal(
    folder: Path, command: Sequence[str], *, columns: int = 160, lines: int = 48, **environment: str
) -> Iterator[Terminal]:
    """A terminal in which a program runs, to the end of the `with`."""
    window = Terminal(folder / "tmux")
    try:
        window.start(command, columns, lines, environment)
        yield window
    finally:
        window.close()
