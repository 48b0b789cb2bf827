"""The capture engines, and the choice of one: by starting it and checking the result."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

from inspector.capture.engines.programs import DUMPCAP, TCPDUMP, Program, start_program
from inspector.capture.engines.tap import Tap, open_tap
from inspector.capture.route import Route, find_route, loopback
from inspector.capture.source import Target
from inspector.errors import EngineError, UsageError


class Engine(Protocol):
    """A capture that is live: it has said that it listens."""

    @property
    def name(self) -> str:
        """`tcpdump`, `dumpcap` or `tap`."""

    @property
    def interface(self) -> str | None:
        """The interface that it listens on; None for the tap, which listens on none."""

    @property
    def target(self) -> Target:
        """Where callers should connect to be seen: for the tap its own listening address."""

    @property
    def reason(self) -> str:
        """Why this engine, and what is given up by it: plain sentences."""

    @property
    def notice(self) -> str:
        """What is amiss at this moment, as a plain sentence; empty when all is well."""

    @property
    def dropped(self) -> int:
        """Packets that were lost, as far as the engine has told."""

    @property
    def own_client_ports(self) -> frozenset[int]:
        """The client ports of this process's own connections, as recorded, where they are no TCP ports of its own."""

    def chunks(self) -> AsyncIterator[bytes]:
        """Give the pcap bytes as they come, file header first, cut anywhere; ends when stopped.

        Raises EngineError with the engine's own last words when it ended by itself. To be read once.
        """

    async def stop(self) -> None:
        """End the engine and everything that belongs to it; what it still had to say comes through `chunks`."""

    async def pause(self) -> None:
        """End the capture only: a tap goes on relaying, unrecorded, until it is stopped or started again."""


ENGINES: Final = ("auto", "tcpdump", "dumpcap", "tap")
_PROGRAMS: Final = {program.name: program for program in (TCPDUMP, DUMPCAP)}


@dataclass(frozen=True, slots=True)
class Permission:
    """Whether an engine may capture on this host's loopback."""

    engine: str
    is_allowed: bool
    words: str
    """What it is good for, or its own refusal."""
    cure: str = ""


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
    """Start an engine, and return it once it has said that it listens.

    `interface` and `ports`, further ones of the same host, are for tcpdump and dumpcap; `listen` and `service` for the
    tap. It listens on `listen`, or else on a free port of localhost, and relays to `target`; with `service`, where the
    target really is, on `target` itself. `again` is the engine of before a `pause`: a tap that still relays goes on
    recording, so that connections through it live on.
    Raises EngineError with the engine's own refusal and a cure, ServiceError for a host that cannot be resolved.
    """
    if choice not in ENGINES:
        raise UsageError(f"There is no engine {choice!r}.", f"Choose one of {', '.join(ENGINES)}.")

    async def start_tap() -> Tap:
        if isinstance(again, Tap) and not again.is_stopped:
            again.resume()
            return again
        default = Target("localhost", 0) if service is None else target
        tap = await open_tap(listen or default, service or target)
        if ports:
            tap.reason += f" It relays to {target} alone: --port {', '.join(map(str, sorted(ports)))} has no effect."
        return tap

    if choice == "tap" or (choice == "auto" and (target.path or listen is not None)):
        return await start_tap()
    if target.path:
        raise EngineError(f"{choice} cannot see a Unix socket: it is on no network.", "The tap can: --engine tap.")
    route = await find_route(target, interface, ports)
    if choice != "auto":
        return await start_program(_PROGRAMS[choice], route, target)
    return await _first_that_may(route, target, start_tap, tap=interface is None)


async def check_engines() -> tuple[Permission, ...]:
    """Start each engine on loopback, for `doctor`; the tap needs no leave."""
    route = Route(loopback(), "tcp port 1")
    programs = [await _check(program, route) for program in _PROGRAMS.values()]
    tap = Permission("tap", is_allowed=True, words="A relay on localhost, which needs no privilege.")
    return *programs, tap


async def _check(program: Program, route: Route) -> Permission:
    try:
        engine = await start_program(program, route, Target("localhost", 1))
    except EngineError as error:
        return Permission(program.name, is_allowed=False, words=error.message, cure=error.hint)
    engine.abandon()
    await engine.stop()
    return Permission(program.name, is_allowed=True, words=program.strength)


async def _first_that_may(
    route: Route, target: Target, start_tap: Callable[[], Awaitable[Tap]], *, tap: bool
) -> Engine:
    """Try the programs in their order, then the tap; an interface that was asked for rules the tap out."""
    refusals: list[EngineError] = []
    for program in _PROGRAMS.values():
        try:
            engine = await start_program(program, route, target)
        except EngineError as error:
            refusals.append(error)
        else:
            engine.reason = _reason(engine.reason, refusals)
            return engine
    if not tap:
        raise EngineError(" ".join(error.message for error in refusals), refusals[-1].hint) from refusals[-1]
    relay = await start_tap()
    relay.reason = _reason(relay.reason, refusals)
    return relay


def _reason(strength: str, refusals: list[EngineError]) -> str:
    """Say what the chosen engine means for the user, then why the better ones were passed over."""
    return " ".join([strength, *(error.message for error in refusals)])
