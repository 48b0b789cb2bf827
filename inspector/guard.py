"""Cleans up after a program that was killed: ends its children, removes unfinished files, and restores its terminal.

A script that is never imported. `processes` starts it with `python -I -S` and holds the other end of its standard
input, whose end means that the program is gone. Each line registers something: `+PID` a child, `F` a JSON list of
paths, `T` a terminal; `-PID` and `f` unregister children and paths. To start within about a millisecond, it imports
next to nothing.
"""

import os
import select
import sys
import time

TERM = 15
KILL = 9
GRACE = 0.7
"""Seconds between SIGTERM and SIGKILL."""
POLL = 0.02
RESET = (
    b"\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?1015l"  # the mouse
    b"\x1b[?1004l\x1b[?2004l\x1b[?2048l\x1b[<u"  # focus, paste and resize reports; the keyboard protocol
    b"\x1b[?1049l\x1b[?25h\x1b[0m"  # the alternate screen, the cursor, colours
)
"""Undoes the modes that Textual sets (xterm control sequences); harmless if they are not set."""


def open_pid(pid: int) -> int | None:
    """Return a handle of a process that stays valid if its id is reused; None if it is gone, or without pidfd."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def is_alive(pid: int, handle: int | None) -> bool:
    """Return True for a running process, and False for a zombie."""
    if handle is not None:
        return not select.select([handle], [], [], 0)[0]
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def send(pid: int, signal: int) -> None:
    """Send a signal to a process, or to its group if it leads one."""
    try:
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal)
        else:
            os.kill(pid, signal)
    except OSError:
        return


def end_all(children: dict[int, int | None]) -> None:
    """End all children, with SIGTERM and then SIGKILL."""
    for signal in (TERM, KILL):
        alive = {pid: handle for pid, handle in children.items() if is_alive(pid, handle)}
        for pid in alive:
            send(pid, signal)
        deadline = time.monotonic() + GRACE
        while any(is_alive(*child) for child in alive.items()) and time.monotonic() < deadline:
            time.sleep(POLL)


def restore(terminal: bytes) -> None:
    """Restore the modes of a terminal, and its screen, cursor, mouse and keyboard.

    Never block on a terminal that accepts no output.
    """
    import json  # noqa: PLC0415 - only if it is needed
    import termios  # noqa: PLC0415

    path, attributes = json.loads(terminal)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
        os.write(descriptor, RESET)
    except (OSError, termios.error):
        return


def read_paths(line: bytes) -> list[str]:
    """Parse a JSON list of paths."""
    import json  # noqa: PLC0415 - only if it is needed

    paths: list[str] = json.loads(line)
    return paths


def remove(path: str) -> None:
    """Remove a file, or a folder of files, if it exists."""
    try:
        if os.path.isdir(path) and not os.path.islink(path):
            for name in os.listdir(path):
                os.unlink(os.path.join(path, name))
            os.rmdir(path)
        else:
            os.unlink(path)
    except OSError:
        return


def main() -> None:
    """Read registrations until the program is gone, then clean up."""
    children: dict[int, int | None] = {}
    unfinished: set[str] = set()
    terminal = b""
    for line in sys.stdin.buffer:
        if line[:1] == b"T":
            terminal = line[1:].strip()
            continue
        if line[:1] == b"F":
            unfinished.update(read_paths(line[1:]))
            continue
        if line[:1] == b"f":
            unfinished.difference_update(read_paths(line[1:]))
            continue
        pid = int(line[1:])
        if line[:1] == b"+":
            children[pid] = open_pid(pid)
        else:
            handle = children.pop(pid, None)
            if handle is not None:
                os.close(handle)
    if terminal:
        restore(terminal)
    for path in unfinished:
        remove(path)
    end_all(children)


if __name__ == "__main__":
    main()
