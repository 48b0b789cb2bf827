"""How a run of tshark can end before its capture does; apart from `tshark_run`, which loads pyshark."""

from __future__ import annotations

from inspector.children import signal_name
from inspector.errors import TsharkError


class TsharkDied(Exception):  # noqa: N818  # what happened, not yet what it means: the session may begin again
    """tshark ended before its capture did; `said` has its last words, `signal` what killed it."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.said = said
        self.signal = -status if status < 0 else None

    @property
    def cause(self) -> str:
        """What became of tshark, to stand behind its name: `was ended by SIGKILL`."""
        return f"ended: {self.said}" if self.signal is None else f"was ended by {signal_name(self.signal)}"

    def once_too_often(self) -> TsharkError:
        """The error where it is not started again, as it died so again and again."""
        return TsharkError(
            f"tshark {self.cause}, again and again.", "`tshark --version` tells whether it works at all."
        )
