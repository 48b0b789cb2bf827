"""The streams of a connection that are over: a set of numbers that takes no more room as it grows.

Streams are numbered upwards, and nearly all of them end, so that what is kept are the edges between runs of them.
"""

from __future__ import annotations

from bisect import bisect_right


class EndedStreams:
    """Clients' streams are odd, servers' even (RFC 9113 §5.1.1): either kind has runs of its own."""

    __slots__ = ("_edges",)

    def __init__(self) -> None:
        self._edges: tuple[list[int], list[int]] = ([], [])
        """Ascending: where a run begins, and where it has ended, of halves of stream numbers."""

    def __contains__(self, stream: int) -> bool:
        return bisect_right(self._edges[stream & 1], stream >> 1) % 2 == 1

    def add(self, stream: int) -> None:
        """This stream is over, too."""
        edges, at = self._edges[stream & 1], stream >> 1
        index = bisect_right(edges, at)
        if index % 2:
            return
        goes_on = index > 0 and edges[index - 1] == at
        if index < len(edges) and edges[index] == at + 1:
            if goes_on:
                del edges[index - 1 : index + 1]
            else:
                edges[index] = at
        elif goes_on:
            edges[index - 1] = at + 1
        else:
            edges[index:index] = (at, at + 1)
