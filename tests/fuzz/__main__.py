"""`python -m tests.fuzz [CASES [SEED]]`: prints each case that broke a promise, with the command that repeats it."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from inspector.pcap.records import is_capture
from tests.captures import DATA
from tests.fuzz.contract import broken_promises, run
from tests.fuzz.damage import classic_captures, damaged
from tests.fuzz.hostile import hostile

_PORTS = "50051,50052,50053,50101,50102,50142,50144,30035,7000,8080"


class Case(NamedTuple):
    """A capture and what is asked of it."""

    name: str
    raw: bytes
    arguments: list[str]
    from_stdin: bool


def make_case(seed: int, captures: list[bytes]) -> Case:
    """The case of a seed; the same for the same captures at hand."""
    chance = random.Random(seed)
    name, raw = hostile(chance) if chance.random() < 0.4 else damaged(chance, chance.choice(captures))
    command = chance.choice((["frames"], ["calls"], ["frames", "--json"], ["calls", "--json"], ["follow"]))
    arguments = [command[0], "SOURCE", *(["0/1"] if command == ["follow"] else []), *command[1:]]
    if chance.random() < 0.6:
        arguments += ["--port", _PORTS]
    if chance.random() < 0.3:
        arguments += ["--proto", str(DATA / "peers.proto")]
    return Case(name, raw, arguments, chance.random() < 0.2)


def try_case(case: Case, folder: Path) -> tuple[list[str], float]:
    """Run it; what was not kept, and how long it took."""
    path = folder / "capture"
    path.write_bytes(case.raw)
    source = "-" if case.from_stdin else str(path)
    arguments = [source if each == "SOURCE" else each for each in case.arguments]
    result = run(arguments, path if case.from_stdin else None, folder)
    may_fail = "follow" in arguments or not is_capture(case.raw)  # the stream may not be there
    promises = broken_promises(result, is_capture=not may_fail, as_json="--json" in arguments)
    return promises, result.seconds


def main() -> int:
    """Try so many seeds; 1 when a promise was broken."""
    parser = argparse.ArgumentParser("python -m tests.fuzz")
    parser.add_argument("cases", nargs="?", type=int, default=2000)
    parser.add_argument("seed", nargs="?", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="where captures of broken promises are kept")
    options = parser.parse_args()
    captures, began, failed, slowest = classic_captures(), time.monotonic(), 0, (0.0, 0)
    for seed in range(options.seed, options.seed + options.cases):
        case = make_case(seed, captures)
        with tempfile.TemporaryDirectory() as name:
            broken, seconds = try_case(case, Path(name))
            if broken and options.keep:
                shutil.copy(Path(name, "capture"), options.keep / f"{seed}.pcap")
        slowest = max(slowest, (seconds, seed))
        if broken:
            failed += 1
            print(f"seed {seed}: {' '.join(case.arguments)} on {case.name}", *broken, sep="\n  ", flush=True)
    took = time.monotonic() - began
    slow = f"the slowest {slowest[0]:.1f} s (seed {slowest[1]})"
    print(f"{options.cases} cases, {failed} broke a promise; {took:.0f} s, {slow}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
