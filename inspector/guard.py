"""Ends the child processes of a program that died without doing so itself, by kill -9 say, and tidies up behind it.

A script, never imported: `children` starts it with `python -I -S` and holds the other end of its standard input.
Lines `+PID` and `-PID` come in, `F` and `f` with a JSON list of paths that are being written, and no more, and `T` with
a terminal that is to be put back in order; the end of input means that the program is gone. It imports next to nothing,
so that starting it costs the program about a millisecond, and it refuses to end a process it did not know by then.
"""

import os
import select
import sys
import time

TERM = 15
KILL = 9
PATIENCE = 0.7
"""Seconds between the polite signal and the other one."""
POLL = 0.02
RESET = (
    b"\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?1015l"  # the mouse
    b"\x1b[?1004l\x1b[?2004l\x1b[?2048l\x1b[<u"  # focus, paste and resize reports, the keyboard protocol
    b"\x1b[?1049l\x1b[?25h\x1b[0m"  # the other screen, the cursor, colours
)
"""Ends what Textual asks of a terminal (xterm's control sequences); harmless where it was not asked."""


def open_pid(pid: int) -> int | None:
    """Take a handle that stays with this very process though its number be used again; None where there is none."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def is_alive(pid: int, handle: int | None) -> bool:
    """Tell whether a process still runs; a zombie does not."""
    if handle is not None:
        return not select.select([handle], [], [], 0)[0]
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def send(pid: int, signal: int) -> None:
    """Send a signal to a process, and to all of its group where it leads one."""
    try:
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal)
        else:
            os.kill(pid, signal)
    except OSError:
        return


def end_all(children: dict[int, int | None]) -> None:
    """End them, politely first."""
    for signal in (TERM, KILL):
        alive = {pid: handle for pid, handle in children.items() if is_alive(pid, handle)}
        for pid in alive:
            send(pid, signal)
        deadline = time.monotonic() + PATIENCE
        while any(is_alive(*child) for child in alive.items()) and time.monotonic() < deadline:
            time.sleep(POLL)


def restore(terminal: bytes) -> None:
    """Give a terminal back as it was: its modes, and the screen, cursor, mouse and keyboard that an app takes over.

    Never waits for one that takes no output.
    """
    import json  # noqa: PLC0415 - not before it is needed: see above
    import termios  # noqa: PLC0415

    path, attributes = json.loads(terminal)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
        os.write(descriptor, RESET)
    except (OSError, termios.error):
        return


def read_paths(line: bytes) -> list[str]:
    """Read a list of paths."""
    import json  # noqa: PLC0415 - not before it is needed

    paths: list[str] = json.loads(line)
    return paths


def remove(path: str) -> None:
    """Remove a file, or a folder with the files in it; what is not there any more is fine."""
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
    """Follow the registrations until the program is gone, then end what is left of it."""
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
