"""A message's value as its fields, each by its path: `order.items[2].price`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Final

_MOST: Final = 20_000
"""Fields of a message that are told apart."""


def flat(value: object) -> dict[str, str]:
    """Every value that holds no others, as JSON writes it, by its path; the value itself is `(value)`."""
    return dict(islice(_leaves(value, ""), _MOST))


def _leaves(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _leaves(each, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for index, each in enumerate(value):
            yield from _leaves(each, f"{path}[{index}]")
    else:
        yield path or "(value)", json.dumps(value, ensure_ascii=False, default=str)
