"""Which methods there are to choose from, and which one to begin with."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.model.call import CallKind
from inspector.schema.catalog import GREET_ORIGIN, Catalog, Method
from inspector.schema.greet import GREET_METHOD

_OF_GRPC = "/grpc."


def default_method(catalog: Catalog, latest: str | None = None) -> str | None:
    """The method to begin with at a service that somebody else runs; None where no schema tells of one.

    The one that was called there last, else greet, else the first unary one of the service's own.
    """
    if latest is not None and catalog.method(latest) is not None:
        return latest
    own = [method for method in catalog.methods.values() if _is_own(method)]
    if any(method.path == GREET_METHOD for method in own):
        return GREET_METHOD
    return next((each.path for each in (*(m for m in own if m.kind is CallKind.UNARY), *own)), None)


def listed_methods(catalog: Catalog, *, is_greet: bool) -> Iterator[Method]:
    """Every method, the service's own first, then those of gRPC itself.

    The greet service's own are there for that service, and where nothing tells of another: then they are a guess.
    """
    found = sorted(catalog.methods.values(), key=lambda method: (not _is_own(method), _service(method)))
    with_greet = is_greet or not any(map(_is_own, found))
    yield from (method for method in found if with_greet or method.origin != GREET_ORIGIN)


def _is_own(method: Method) -> bool:
    return method.origin != GREET_ORIGIN and not method.path.startswith(_OF_GRPC)


def _service(method: Method) -> str:
    return method.path.rpartition("/")[0]
