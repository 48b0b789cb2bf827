"""`list`: the services of a server, or the methods of one of them, a name a line."""

from __future__ import annotations

from inspector.errors import RequestError
from inspector.headless.known import Asked, known, reflected_names, services
from inspector.headless.output import Output
from inspector.views.text import clean


async def print_list(asked: Asked, service: str | None) -> int:
    """Print the full names of the services, or of the methods of one; returns the exit status.

    Raises:
        InspectorError: nothing can be asked, or there is no such service.
    """
    output = Output()
    if service is None and asked.asks_server and not asked.has_files:
        output.texts(map(clean, sorted(await reflected_names(asked))))
        return 0
    found = services(await known(asked))
    if service is None:
        output.texts(map(clean, found))
        return 0
    name = service.strip().lstrip("./")
    if name not in found:
        raise RequestError(f"There is no service {name} at {asked.target}.", f"There are {', '.join(found) or 'none'}.")
    output.texts(clean(method.full_name) for method in found[name].methods)
    return 0
