"""`make docs`: the table of keys in the README, made from the bindings. `make check` fails when it is out of date."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Final

from inspector.ui.bindings import Group, KeyContext, entries

README: Final = Path(__file__).parents[1] / "README.md"
_START, _END = "<!-- made by `make docs` -->\n", "<!-- end -->\n"
_CONTEXTS: Final = (
    KeyContext.REQUEST,
    KeyContext.LIST,
    KeyContext.BROWSER,
    KeyContext.SCREEN,
    KeyContext.APP,
)
"""The help of the program also lists the keys of the other inputs and of the right pane."""


def table() -> str:
    """Return a Markdown table with two keys in each line, and a title line for each group."""
    return "".join(f"{line}\n" for line in _lines())


def with_table(text: str) -> str:
    """Return the text of the README with its table replaced."""
    before, _, rest = text.partition(_START)
    _, end, after = rest.partition(_END)
    if not end:
        raise ValueError(f"README.md has no lines {_START.strip()} and {_END.strip()}")
    return f"{before}{_START}{table()}{_END}{after}"


def _lines() -> Iterator[str]:
    yield "| key | action | key | action |"
    yield "|---|---|---|---|"
    for group in Group:
        yield f"| **{group}** | | | |"
        cells = list(_cells(group))
        half = (len(cells) + 1) // 2
        for left, right in zip_longest(cells[:half], cells[half:], fillvalue="|"):
            yield f"| {left} | {right} |"


def _cells(group: Group) -> Iterator[str]:
    """Yield two cells, the keys and what they do, for each key of a group."""
    for context, key in sorted(entries(group), key=lambda entry: entry[0] not in _CONTEXTS):
        if context in _CONTEXTS and key.keys:
            where = " (request box)" if context is KeyContext.REQUEST else ""
            yield f"{' '.join(f'`{name}`' for name in key.shown.split())} | {key.tooltip}{where}"


def main(arguments: Sequence[str]) -> int:
    """Write the table, or with `--check` only compare it."""
    old = README.read_text("utf-8")
    new = with_table(old)
    if "--check" not in arguments:
        README.write_text(new, "utf-8")
    elif new != old:
        print("The table of keys in README.md is out of date: run `make docs`.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
