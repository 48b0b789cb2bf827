"""Where the packets of a service pass by: the interface, and the capture filter that picks them.

Owns the resolving of host names for the capture. Refuses to send anything: connecting a UDP socket only asks the
kernel for the way that it would take.
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


class _Way(NamedTuple):
    """The interface that leads to an address; `is_own` when that is an address of this host."""

    interface: str
    is_own: bool
    address: Address


async def resolve(target: Target) -> tuple[Address, ...]:
    """Look up a host's addresses, in the order in which they are to be tried; raises ServiceError.

    localhost is both loopback addresses (RFC 6761 §6.3), whatever a hosts file says of it.
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
    """Find the interface and the filter for a service; `interface` overrides the one that the route takes.

    The filter passes the packets of further `ports` of the same host, too. Raises ServiceError for a host that cannot
    be resolved, EngineError for one that no route leads to.
    """
    addresses = await resolve(target)
    try:
        return _route(target, addresses, interface, sorted(ports | {target.port}))
    except OSError as error:
        raise EngineError(f"The way to {target.host} cannot be looked up: {reason(error)}.", remedy(error)) from error


def _route(target: Target, addresses: tuple[Address, ...], interface: str | None, ports: list[int]) -> Route:
    if interface is not None:
        return Route(interface, capture_filter(ports, _remote(addresses)))
    ways = [way for way in map(_way, addresses) if way is not None]
    if not ways:
        raise EngineError(
            f"No route leads to {target.host}.", "Check the network, or name an interface: --interface IF."
        )
    first = ways[0].interface
    return Route(
        first, capture_filter(ports, [way.address for way in ways if not way.is_own and way.interface == first])
    )


def loopback() -> str:
    """Name the loopback interface: `lo`, or `lo0` on macOS and the BSDs."""
    return _interfaces().get("127.0.0.1", "lo")


def capture_filter(ports: list[int], hosts: list[Address]) -> str:
    """Build a libpcap filter (pcap-filter(7)): any of the ports, and any of the hosts where some are given."""
    some_port = " or ".join(f"tcp port {port}" for port in ports)
    if not hosts:
        return some_port
    some_host = " or ".join(f"host {_bare(str(host))}" for host in hosts)
    return f"({some_port}) and ({some_host})" if len(ports) > 1 else f"{some_port} and ({some_host})"


def _way(address: Address) -> _Way | None:
    """Ask the kernel for the way to an address; None where there is none."""
    if address.is_loopback or address.is_unspecified:
        return _Way(loopback(), is_own=True, address=address)
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as asker:
        try:
            asker.connect(socket.getaddrinfo(str(address), 9, family, flags=socket.AI_NUMERICHOST)[0][4])
            source = _bare(asker.getsockname()[0])
        except OSError:
            return None
    if source == _bare(str(address)):
        return _Way(loopback(), is_own=True, address=address)
    interface = getattr(address, "scope_id", None) or _interfaces().get(source)
    return _Way(interface, is_own=False, address=address) if interface else None


def _remote(addresses: tuple[Address, ...]) -> list[Address]:
    """Pick the hosts to name in a filter: none as soon as one of them is this host, which has many addresses."""
    own = _interfaces()
    if any(address.is_loopback or address.is_unspecified or _bare(str(address)) in own for address in addresses):
        return []
    return list(addresses)


def _interfaces() -> dict[str, str]:
    """Map each address of this host, without a scope, to its interface."""
    return {_bare(entry.address): name for name, entries in psutil.net_if_addrs().items() for entry in entries}


def _bare(address: str) -> str:
    return address.partition("%")[0]


def _reason(error: Exception) -> str:
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return words.rstrip(".")
