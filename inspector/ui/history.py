"""What was sent before, for ↑ and ↓ in the request box. Each text once, the latest last."""

from __future__ import annotations

from collections.abc import Iterable


class History:
    """A list of texts with a place in it; past its end is the draft that is being typed."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        """`texts` are those of before, the latest last."""
        self._texts = list(texts)
        self._place = len(self._texts)
        self._draft = ""

    def add(self, text: str) -> None:
        """Remember a text as the latest one and go to the end."""
        if text in self._texts:
            self._texts.remove(text)
        if text:
            self._texts.append(text)
        self._place, self._draft = len(self._texts), ""

    def back(self, current: str) -> str:
        """The text before the one shown; `current` is kept as the draft when the way begins."""
        if self._place == len(self._texts):
            self._draft = current
        self._place = max(self._place - 1, 0)
        return self._shown()

    def forward(self, current: str) -> str:
        """The text after the one shown, at last the draft again."""
        if self._place >= len(self._texts):
            return current
        self._place += 1
        return self._shown()

    def _shown(self) -> str:
        return self._texts[self._place] if self._place < len(self._texts) else self._draft
