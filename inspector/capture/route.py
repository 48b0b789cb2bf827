"""The network interface that leads to a service, and the capture filter that selects its packets.

Nothing is sent: connecting a UDP socket only makes the kernel choose a route.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import NamedTuple, TypeAlias

import psutil

from inspector.capture.source import Target
from inspector.errors import EngineError, ServiceError, reason, remedy

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_LOCALHOST = (ipaddress.IPv4Address("127.0.0.1"), ipaddress.IPv6Address("::1"))


class Route(NamedTuple):
    """An interface and a libpcap filter for it."""

    interface: str
    filter: str


class _InterfaceRoute(NamedTuple):
    """The interface that leads to an address; `is_own` for an address of this host."""

    interface: str
    is_own: bool
    address: Address


async def resolve(target: Target) -> tuple[Address, ...]:
    """Return a host's addresses, in the order in which they are to be tried; raise ServiceError where there are none.

    localhost means both loopback addresses (RFC 6761 §6.3), whatever a hosts file contains.
    """
    if target.host == "localhost":
        return _LOCALHOST
    try:
        return (ipaddress.ip_address(target.host),)
    except ValueError:
        return await _look_up(target)


async def _look_up(target: Target) -> tuple[Address, ...]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ServiceError(
            f"The host {target.host} cannot be resolved: {_reason(error)}.", "Check its spelling and the network."
        ) from error
    return tuple(dict.fromkeys(ipaddress.ip_address(entry[4][0]) for entry in found))


async def find_route(target: Target, interface: str | None = None, ports: frozenset[int] = frozenset()) -> Route:
    """Return the interface and the filter for a service and further `ports` of its host.

    `interface` overrides the interface of the route.

    Raises:
        ServiceError: The host cannot be resolved.
        EngineError: No route leads to it.
    """
    addresses = await resolve(target)
    try:
        return _route(target, addresses, interface, sorted(ports | {target.port}))
    except OSError as error:
        raise EngineError(f"The route to {target.host} cannot be looked up: {reason(error)}.", remedy(error)) from error


def _route(target: Target, addresses: tuple[Address, ...], interface: str | None, ports: list[int]) -> Route:
    if interface is not None:
        return Route(interface, capture_filter(ports, _remote(addresses)))
    routes = [route for route in map(_interface_route, addresses) if route is not None]
    if not routes:
        raise EngineError(
            f"No route leads to {target.host}.", "Check the network, or name an interface: --interface IF."
        )
    first = routes[0].interface
    hosts = [route.address for route in routes if not route.is_own and route.interface == first]
    return Route(first, capture_filter(ports, hosts))


def loopback() -> str:
    """Return the loopback interface: `lo`, or `lo0` on macOS and the BSDs."""
    return _interfaces().get("127.0.0.1", "lo")


def capture_filter(ports: list[int], hosts: list[Address]) -> str:
    """Return a libpcap filter (pcap-filter(7)) for any of the ports, and for any of the hosts if there are some."""
    some_port = " or ".join(f"tcp port {port}" for port in ports)
    if not hosts:
        return some_port
    some_host = " or ".join(f"host {_bare(str(host))}" for host in hosts)
    return f"({some_port}) and ({some_host})" if len(ports) > 1 else f"{some_port} and ({some_host})"


def _interface_route(address: Address) -> _InterfaceRoute | None:
    """Return the kernel's route to an address; None where there is none."""
    if address.is_loopback or address.is_unspecified:
        return _InterfaceRoute(loopback(), is_own=True, address=address)
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(socket.getaddrinfo(str(address), 9, family, flags=socket.AI_NUMERICHOST)[0][4])
            source = _bare(probe.getsockname()[0])
        except OSError:
            return None
    if source == _bare(str(address)):
        return _InterfaceRoute(loopback(), is_own=True, address=address)
    interface = getattr(address, "scope_id", None) or _interfaces().get(source)
    return _InterfaceRoute(interface, is_own=False, address=address) if interface else None


def _remote(addresses: tuple[Address, ...]) -> list[Address]:
    """Return the hosts to name in a filter: none where one of them is this host, which has many addresses."""
    own = _interfaces()
    if any(address.is_loopback or address.is_unspecified or _bare(str(address)) in own for address in addresses):
        return []
    return list(addresses)


def _interfaces() -> dict[str, str]:
    """Return the interface of each address of this host, without scopes."""
    return {_bare(entry.address): name for name, entries in psutil.net_if_addrs().items() for entry in entries}


def _bare(address: str) -> str:
    return address.partition("%")[0]


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text.rstrip(".")
