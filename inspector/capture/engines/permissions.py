"""Who may capture on this system, and what to type so that one may: plain text, by system.

Owns the cures that are shown with an engine's refusal and by `doctor`. Refuses to try anything: `engines` starts
the programs, as listing interfaces proves nothing.
"""

from __future__ import annotations

import os
import platform
import sys
from enum import StrEnum
from pathlib import Path
from typing import Final


class System(StrEnum):
    """The systems whose ways are known."""

    DEBIAN = "debian"
    FEDORA = "fedora"
    ARCH = "arch"
    MACOS = "macos"
    OTHER = "other"


_JOIN_GROUP = "sudo usermod -aG wireshark $USER, then log in again (at once: sg wireshark -c 'grpc-inspector')."

_ALLOW_DUMPCAP: Final = {
    System.DEBIAN: f"Allow it: sudo dpkg-reconfigure wireshark-common (answer Yes) and {_JOIN_GROUP}",
    System.FEDORA: f"Allow it: {_JOIN_GROUP}",
    System.ARCH: f"Allow it: {_JOIN_GROUP}",
    System.MACOS: "Install the ChmodBPF package that comes with Wireshark, then log in again.",
    System.OTHER: "Allow it: sudo setcap cap_net_raw,cap_net_admin+eip $(command -v dumpcap)",
}
_ALLOW_TCPDUMP: Final = "Allow it to every user: sudo setcap cap_net_raw,cap_net_admin+eip $(command -v tcpdump)"
_ALLOW_CONTAINER: Final = "Start the container with --cap-add NET_RAW --cap-add NET_ADMIN."
_CONTAINER_MARKS: Final = ("/.dockerenv", "/run/.containerenv")
"""What the runtimes of containers leave in them."""

_FAMILIES: Final = {
    "debian": System.DEBIAN,
    "ubuntu": System.DEBIAN,
    "fedora": System.FEDORA,
    "rhel": System.FEDORA,
    "arch": System.ARCH,
}
_INSTALL: Final = {
    System.DEBIAN: {"tcpdump": "sudo apt install tcpdump", "dumpcap": "sudo apt install wireshark-common"},
    System.FEDORA: {"tcpdump": "sudo dnf install tcpdump", "dumpcap": "sudo dnf install wireshark-cli"},
    System.ARCH: {"tcpdump": "sudo pacman -S tcpdump", "dumpcap": "sudo pacman -S wireshark-cli"},
    System.MACOS: {"dumpcap": "brew install wireshark"},
}


def allow(engine: str) -> str:
    """Tell how this user gets leave to capture with an engine."""
    in_container = any(Path(mark).exists() for mark in _CONTAINER_MARKS)
    if not in_container:
        return allow_on(this_system(), engine)
    return _ALLOW_CONTAINER if os.geteuid() == 0 else f"{_ALLOW_CONTAINER} In it: {allow_on(this_system(), engine)}"


def allow_on(system: System, engine: str) -> str:
    """Tell how a user of some system gets leave to capture with an engine."""
    by_user = engine == "dumpcap" or system is System.MACOS  # there, access to /dev/bpf is what both of them need
    return _ALLOW_DUMPCAP[system] if by_user else _ALLOW_TCPDUMP


def install(engine: str) -> str:
    """Tell how an engine that is missing is installed."""
    command = _INSTALL.get(this_system(), {}).get(engine)
    return f"Install it: {command}" if command else f"Install {engine} with the system's package manager."


def this_system() -> System:
    """Recognise the system, or the one that it descends from."""
    if sys.platform == "darwin":
        return System.MACOS
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return System.OTHER
    return family([release.get("ID", ""), *release.get("ID_LIKE", "").split()])


def family(names: list[str]) -> System:
    """Find the first system that is known under one of these names of os-release(5)."""
    return next((_FAMILIES[name] for name in names if name in _FAMILIES), System.OTHER)
