"""A tab whose label may be another many times a second."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static, Tab


class SteadyTab(Tab):
    """Where a label is as long as the one before, the screen is not laid out anew for it."""

    def relabel(self, label: str) -> None:
        """Another label, or the same."""
        if label == self.label_text:
            return
        if len(label) == len(self.label_text):
            self._label = Content(label)
            Static.update(self, self._label, layout=False)
        else:
            self.label = Content(label)
