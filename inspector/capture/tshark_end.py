"""How a run of tshark can end before its capture does; apart from `tshark_run`, which loads pyshark."""

from __future__ import annotations


class TsharkDied(Exception):  # noqa: N818  # what happened, not yet what it means: the session may begin again
    """tshark ended before its capture did; `said` has its last words, `signal` what killed it."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.said = said
        self.signal = -status if status < 0 else None
