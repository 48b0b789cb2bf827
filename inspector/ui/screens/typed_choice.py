"""A list to choose from, of which something else may be typed, too."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from inspector.ui.screens.choice import Choice, ChoiceDialog


class TypedChoiceDialog(ChoiceDialog):
    """Gives what was chosen or typed, or None."""

    def __init__(
        self,
        title: str,
        choices: Sequence[Choice],
        note: str,
        typed: Callable[[str], Choice | None],
        keys: Sequence[str] = (),
    ) -> None:
        """`typed` makes a choice of what was typed; None where it can be none."""
        super().__init__(title, choices, note, keys)
        self._typed = typed

    def found(self, wanted: str) -> list[Choice]:
        """What fits to what was typed, and that itself."""
        found, typed = super().found(wanted), self._typed(wanted) if wanted.strip() else None
        is_new = typed is not None and all(choice.value != typed.value for choice in found)
        return [*found, typed] if typed is not None and is_new else found
