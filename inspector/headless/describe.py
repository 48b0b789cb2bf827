"""`describe`: a service, method, message or enum as proto source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from inspector.errors import RequestError
from inspector.headless.known import Asked, find, known, services
from inspector.headless.output import Output
from inspector.views.proto_source import Described, kind_of, source_lines
from inspector.views.text import clean


async def print_description(asked: Asked, symbol: str | None) -> int:
    """Print the source of a symbol, or of all services; returns the exit status.

    Raises:
        InspectorError: nothing can be asked, or there is no such symbol.
    """
    catalog = await known(asked)
    all_services = services(catalog)
    described: Iterable[Described] = all_services.values()
    if symbol is not None:
        found = find(catalog, symbol)
        if found is None:
            hint = f"Its services are {', '.join(all_services) or 'none'}; `list` and `describe` tell of their types."
            raise RequestError(f"No schema of {asked.target} knows {symbol}.", hint)
        described = (found,)
    Output().texts(line for each in described for line in _lines(each))
    return 0


def _lines(found: Described) -> Iterator[str]:
    yield f"{clean(_full_name(found))} is {kind_of(found)}:"
    yield from source_lines(found)


def _full_name(found: Described) -> str:
    name = getattr(found, "full_name", None)
    return str(name if name is not None else found.name)
