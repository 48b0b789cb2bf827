"""The route to a service, the forms of a source, and the hints about permissions."""

from __future__ import annotations

import ipaddress
import shutil
import socket
import subprocess

import psutil
import pytest

from inspector.capture.engines import permissions
from inspector.capture.engines.permissions import System
from inspector.capture.route import capture_filter, find_route, loopback
from inspector.capture.source import Target
from inspector.errors import ServiceError, UsageError


@pytest.mark.system
@pytest.mark.parametrize("system", System)
def test_every_system_has_its_cure(system: System) -> None:
    for engine in ("tcpdump", "dumpcap"):
        assert permissions.allow_on(system, engine).endswith((".", ")", ")."))


def test_systems_are_known_by_their_family() -> None:
    assert permissions.family(["linuxmint", "ubuntu", "debian"]) is System.DEBIAN
    assert permissions.family(["rocky", "rhel", "centos", "fedora"]) is System.FEDORA
    assert permissions.family(["void", ""]) is System.OTHER


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("localhost:37564", Target("localhost", 37564)),
        ("[::1]:50051", Target("::1", 50051)),
        (":50051", Target("localhost", 50051)),
        ("10.0.0.1:1", Target("10.0.0.1", 1)),
    ],
)
def test_targets(text: str, target: Target) -> None:
    assert Target.parse(text) == target
    assert Target.parse(str(target)) == target


@pytest.mark.parametrize(
    "text", ["localhost", "::1:50051", "a:0", "a:65536", "http://a:80", "a b:1", "[::1]", "", "a:²"]
)
def test_an_invalid_target_is_an_error(text: str) -> None:
    with pytest.raises(UsageError, match="Write HOST:PORT"):
        Target.parse(text)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "127.8.8.8", "0.0.0.0"])
async def test_this_host_is_reached_by_loopback(host: str) -> None:
    assert await find_route(Target(host, 37564)) == (loopback(), "tcp port 37564")


@pytest.mark.system
@pytest.mark.parametrize(
    ("hosts", "ports", "expected"),
    [
        ([], [5], "tcp port 5"),
        ([], [5, 6], "tcp port 5 or tcp port 6"),
        (["192.0.2.1"], [5], "tcp port 5 and (host 192.0.2.1)"),
        (["192.0.2.1", "2001:db8::1"], [5, 6], "(tcp port 5 or tcp port 6) and (host 192.0.2.1 or host 2001:db8::1)"),
    ],
)
def test_the_filter_passes_further_ports_of_the_same_hosts(hosts: list[str], ports: list[int], expected: str) -> None:
    made = capture_filter(ports, [ipaddress.ip_address(host) for host in hosts])
    assert made == expected
    if shutil.which("tcpdump"):  # whatever libpcap says of it
        compiled = subprocess.run(["tcpdump", "-y", "EN10MB", "-d", made], capture_output=True, check=False)
        assert b"syntax error" not in compiled.stderr


async def test_further_ports_are_captured_where_the_service_is() -> None:
    expected = (loopback(), "tcp port 5 or tcp port 6 or tcp port 37564")
    assert await find_route(Target("localhost", 37564), ports=frozenset({5, 6})) == expected


async def test_an_address_of_this_host_is_reached_by_loopback_too() -> None:
    for interface, address in own_addresses():
        assert await find_route(Target(str(address.ip), 5)) == (loopback(), "tcp port 5")
        assert await find_route(Target(str(address.ip), 5), interface) == (interface, "tcp port 5")


async def test_a_neighbour_is_reached_by_the_interface_of_its_network() -> None:
    for interface, address in own_addresses():
        neighbour = next(host for host in address.network.hosts() if host != address.ip)
        assert await find_route(Target(str(neighbour), 5)) == (interface, f"tcp port 5 and (host {neighbour})")


def own_addresses() -> list[tuple[str, ipaddress.IPv4Interface]]:
    """The addresses of this host that are not loopback; none in a closed network namespace."""
    found = [
        (name, ipaddress.IPv4Interface(f"{entry.address}/{entry.netmask or 32}"))
        for name, entries in psutil.net_if_addrs().items()
        for entry in entries
        if entry.family is socket.AF_INET and psutil.net_if_stats()[name].isup
    ]
    return [(name, one) for name, one in found if not one.is_loopback and 8 <= one.network.prefixlen < 31][:1]


async def test_a_host_that_cannot_be_resolved_is_an_error() -> None:
    with pytest.raises(ServiceError, match=r"The host a..b cannot be resolved"):
        await find_route(Target("a..b", 1))
