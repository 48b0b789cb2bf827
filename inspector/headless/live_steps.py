"""Prints the follow view of one call step by step, as its frames come."""

from __future__ import annotations

from inspector.headless.output import Output
from inspector.model.call import CallState, StreamKey
from inspector.schema.catalog import Catalog
from inspector.store.store import Store
from inspector.views.as_text import painted, step_lines, text_line
from inspector.views.follow import Follow
from inspector.views.steps import PRINTED, Shown


class LiveSteps:
    """One call's steps on standard output."""

    def __init__(self, store: Store, catalog: Catalog, key: StreamKey, output: Output, shown: Shown = PRINTED) -> None:
        """`shown` is how much of a message is printed."""
        self._call, self._output, self._shown = store.calls[key], output, shown
        self._view = Follow(store, catalog, key)
        self._printed = 0
        self._is_finished = False
        output.texts([painted(self._view.heading(), colour=output.in_colour)])

    def tell(self) -> bool:
        """Print what is new; True when the call is over and all of it is printed. Raises ReaderGone."""
        self._view.update()
        is_over = self._call.state is not CallState.OPEN
        self._print(len(self._view) if is_over else self._view.settled)
        return is_over

    def finish(self) -> None:
        """Print what is left, and what is to be said of the whole, once. Raises ReaderGone."""
        if self._is_finished:
            return
        self._is_finished = True
        self._view.update()
        self._print(len(self._view))
        colour = self._output.in_colour
        self._output.texts(text_line(note, colour=colour) for note in self._view.notes())

    def _print(self, end: int) -> None:
        dropped = self._view.dropped
        for step in self._view.steps(max(self._printed - dropped, 0), end, self._shown):
            self._output.texts(step_lines(step, colour=self._output.in_colour))
        self._printed = max(self._printed, dropped + end)
