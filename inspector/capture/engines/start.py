"""Starts capture engines, and chooses one by starting it: listing interfaces proves nothing about permissions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from inspector.capture.engines.programs import PROGRAMS, ProgramEngine, start_program
from inspector.capture.engines.registry import AUTO, CHOICES, ENGINES, EngineType, candidates
from inspector.capture.engines.tap import Tap, open_tap
from inspector.capture.route import Route, find_route, loopback
from inspector.capture.source import Target
from inspector.errors import EngineError, UsageError


class Engine(Protocol):
    """A capture that has reported that it listens."""

    @property
    def name(self) -> str:
        """Its name in the registry."""

    @property
    def interface(self) -> str | None:
        """The interface that it captures on; None for a relay."""

    @property
    def target(self) -> Target:
        """Where clients connect to be captured: the service, or a relay's own address."""

    @property
    def reason(self) -> str:
        """Why this engine was chosen, and what the user gains or loses by it: sentences."""

    @property
    def notice(self) -> str:
        """The current problem as a sentence; empty when there is none."""

    @property
    def dropped(self) -> int:
        """Packets lost, according to its latest report."""

    @property
    def own_client_ports(self) -> frozenset[int]:
        """The client ports, as recorded, of this process's connections that have no TCP port of their own."""

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield pcap bytes as they come, file header first, cut anywhere, until the engine is stopped. Read them once.

        Raises:
            EngineError: It ended without being stopped; the message quotes its own.
        """

    async def pause(self) -> None:
        """End the capture; a relay goes on copying, unrecorded, until `resume` or `stop`."""

    def resume(self) -> bool:
        """Capture again after `pause`, beginning with another file header; return whether it can."""

    async def stop(self) -> None:
        """End the engine and its processes; the packets that it has read still come through `chunks`."""


@dataclass(frozen=True, slots=True)
class Permission:
    """Whether an engine may capture on this host's loopback."""

    engine: str
    is_allowed: bool
    text: str
    """Its strength, or its refusal."""
    hint: str = ""
    """What to do about the refusal."""


async def start_engine(
    choice: str,
    target: Target,
    *,
    interface: str | None = None,
    ports: frozenset[int] = frozenset(),
    listen: Target | None = None,
    service: Target | None = None,
    again: Engine | None = None,
) -> Engine:
    """Start an engine, and return it once it has reported that it listens.

    Args:
        choice: The name of an engine, or `auto` for the first one that may capture.
        target: The address of the service, as its clients know it.
        interface: Where to capture, in place of the interface that leads to the target.
        ports: Further ports of the same host to capture.
        listen: Where a relay listens; without, on a free port of localhost, or on `target` where `service` is given.
        service: Where the service really is, so that a relay can listen on `target`.
        again: The engine from before a pause, which is resumed where that is possible.

    Raises:
        EngineError: No engine may capture; the message has their refusals.
        ServiceError: The host cannot be resolved.
        UsageError: There is no such engine.
    """
    if choice not in CHOICES:
        raise UsageError(f"There is no engine {choice!r}.", f"Choose one of {', '.join(CHOICES)}.")
    engines = _usable(choice, target, interface, listen)
    route = None if all(engine.is_relay for engine in engines) else await find_route(target, interface, ports)
    refusals: list[EngineError] = []
    for engine in engines:
        if again is not None and again.name == engine.name and again.resume():
            return again
        try:
            if route is None or engine.is_relay:
                started: ProgramEngine | Tap = await _start_relay(target, ports, listen, service)
            else:
                started = await start_program(PROGRAMS[engine.name], route, target)
        except EngineError as error:
            if engine.is_relay:  # about its own address, not about a permission
                raise
            refusals.append(error)
        else:
            started.reason = " ".join([started.reason, *(error.message for error in refusals)])
            return started
    raise EngineError(" ".join(error.message for error in refusals), refusals[-1].hint) from refusals[-1]


def _usable(choice: str, target: Target, interface: str | None, listen: Target | None) -> tuple[EngineType, ...]:
    """Return the engines of a choice that can do what is asked of them; raise EngineError where none can."""
    is_auto = choice == AUTO
    engines = candidates(choice, unix_socket=bool(target.path), listens=is_auto and listen is not None)
    if not engines:
        raise EngineError(f"{choice} cannot see a Unix socket: it is on no network.", "The tap can: --engine tap.")
    if is_auto and interface is not None:
        return tuple(engine for engine in engines if engine.has_interfaces) or engines
    return engines


async def _start_relay(target: Target, ports: frozenset[int], listen: Target | None, service: Target | None) -> Tap:
    default = Target("localhost", 0) if service is None else target
    tap = await open_tap(listen or default, service or target)
    if ports:
        tap.reason += f" It relays to {target} alone: --port {', '.join(map(str, sorted(ports)))} has no effect."
    return tap


async def check_engines() -> tuple[Permission, ...]:
    """Start each engine that needs privileges on loopback, and return which of them may capture."""
    route = Route(loopback(), "tcp port 1")
    return tuple([await _check(engine, route) for engine in ENGINES.values()])


async def _check(engine: EngineType, route: Route) -> Permission:
    if engine.needs_privileges:
        try:
            started = await start_program(PROGRAMS[engine.name], route, Target("localhost", 1))
        except EngineError as error:
            return Permission(engine.name, is_allowed=False, text=error.message, hint=error.hint)
        started.abandon()
        await started.stop()
    return Permission(engine.name, is_allowed=True, text=engine.strength)
