"""The end of the app by a signal, which comes whatever state the app and its terminal are in."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from threading import Thread
from time import sleep
from types import FrameType
from typing import Final

_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP)
_GRACE_SECONDS: Final = 5.0
"""To end captures and children in an orderly way; those that are left then, the guard ends."""


def end_on_signals(leave: Callable[[int], object]) -> None:
    """Have SIGTERM and SIGHUP call `leave` on the running event loop, with the exit status that a shell expects.

    The loop may not run: it waits for a terminal that takes no output because its user has stopped it, or because its
    connection is slow to be given up. The program then ends without it.
    """
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, leave, 128 + number)
        # In addition to the loop's own, which writes to its pipe even so, and without SA_RESTART, which the loop sets:
        # a wait for a lock in the main thread would go on, and this handler never be called.
        signal.signal(number, _insist)


def _insist(number: int, _frame: FrameType | None) -> None:
    Thread(target=_end_at_last, args=(number,), name="ending", daemon=True).start()


def _end_at_last(number: int) -> None:
    sleep(_GRACE_SECONDS)
    os._exit(128 + number)
