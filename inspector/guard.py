"""Ends the child processes of a program that died without doing so itself, by kill -9 say.

A script, never imported: `children` starts it with `python -I -S` and holds the other end of its standard input.
Lines `+PID` and `-PID` come in; the end of input means that the program is gone. It imports next to nothing, so
that starting it costs the program about a millisecond, and it refuses to end a process it did not know by then.
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


def main() -> None:
    """Follow the registrations until the program is gone, then end what is left of it."""
    children: dict[int, int | None] = {}
    for line in sys.stdin.buffer:
        pid = int(line[1:])
        if line[:1] == b"+":
            children[pid] = open_pid(pid)
        else:
            handle = children.pop(pid, None)
            if handle is not None:
                os.close(handle)
    end_all(children)


if __name__ == "__main__":
    main()
