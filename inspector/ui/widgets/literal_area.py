"""A text area that shows what a terminal would obey as marks, character for character: the text itself stays."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import TextArea

from inspector.views.text import clean


class LiteralArea(TextArea):
    """Several lines of text that may come from the wire."""

    def get_line(self, line_index: int) -> Text:
        """A line as it is shown."""
        line = super().get_line(line_index)
        if not line.plain.isprintable():
            line.plain = "".join(each if each.isprintable() or each == "\t" else clean(each)[0] for each in line.plain)
        return line
