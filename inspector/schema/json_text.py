"""JSON as people type it, read strictly: every fault is a `RequestError` that says where the text breaks."""

from __future__ import annotations

import json

from inspector.errors import RequestError


def parsed(text: str) -> object:
    """The value of a JSON text; a name that one object has twice is a fault."""
    try:
        return json.loads(text, object_pairs_hook=_without_twins)
    except json.JSONDecodeError as error:
        words = f"The JSON breaks at line {error.lineno}, column {error.colno}: {error.msg}."
        raise RequestError(words, place=(error.lineno, error.colno)) from error
    except RecursionError as error:
        raise RequestError("The JSON nests too deep.") from error
    except ValueError as error:  # a number of more than 4,300 digits
        raise RequestError(f"The JSON cannot be read: {error}.") from error


def _without_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twin = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise RequestError(f"{twin} is given twice in one object.", path=twin)
    return found
