"""Hints for users whose capture program is missing or refuses to capture, by operating system."""

from __future__ import annotations

import os
import platform
import sys
from enum import StrEnum
from pathlib import Path
from typing import Final


class System(StrEnum):
    """An operating system with hints of its own."""

    DEBIAN = "debian"
    FEDORA = "fedora"
    ARCH = "arch"
    MACOS = "macos"
    OTHER = "other"


_JOIN_GROUP = "sudo usermod -aG wireshark $USER, then log in again (at once: sg wireshark -c 'grpc-inspector')."
_CHMOD_BPF = "Install the ChmodBPF package that comes with Wireshark, then log in again."

_ALLOW: Final = {
    "dumpcap": {
        System.DEBIAN: f"Allow it: sudo dpkg-reconfigure wireshark-common (answer Yes) and {_JOIN_GROUP}",
        System.FEDORA: f"Allow it: {_JOIN_GROUP}",
        System.ARCH: f"Allow it: {_JOIN_GROUP}",
        System.MACOS: _CHMOD_BPF,
        System.OTHER: "Allow it: sudo setcap cap_net_raw,cap_net_admin+eip $(command -v dumpcap)",
    },
    "tcpdump": {
        **dict.fromkeys(
            System, "Allow it to every user: sudo setcap cap_net_raw,cap_net_admin+eip $(command -v tcpdump)"
        ),
        System.MACOS: _CHMOD_BPF,  # it gives access to /dev/bpf, which every capture program needs there
    },
}
_ALLOW_CONTAINER: Final = "Start the container with --cap-add NET_RAW --cap-add NET_ADMIN."
_CONTAINER_MARKS: Final = ("/.dockerenv", "/run/.containerenv")
"""Files that Docker and Podman create in a container."""

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


def allow(program: str) -> str:
    """Return how this user can be permitted to capture with a program, on this system or in this container."""
    in_container = any(Path(mark).exists() for mark in _CONTAINER_MARKS)
    if not in_container:
        return allow_on(this_system(), program)
    return _ALLOW_CONTAINER if os.geteuid() == 0 else f"{_ALLOW_CONTAINER} In it: {allow_on(this_system(), program)}"


def allow_on(system: System, program: str) -> str:
    """Return how a user of a system can be permitted to capture with a program."""
    return _ALLOW[program][system]


def install(program: str) -> str:
    """Return how to install a program on this system."""
    command = _INSTALL.get(this_system(), {}).get(program)
    return f"Install it: {command}" if command else f"Install {program} with the system's package manager."


def this_system() -> System:
    """Return this system, or the known one that it derives from."""
    if sys.platform == "darwin":
        return System.MACOS
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return System.OTHER
    return family([release.get("ID", ""), *release.get("ID_LIKE", "").split()])


def family(names: list[str]) -> System:
    """Return the system for the first known name among those of os-release(5), ID first."""
    return next((_FAMILIES[name] for name in names if name in _FAMILIES), System.OTHER)
