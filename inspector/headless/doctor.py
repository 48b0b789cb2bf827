"""`doctor`: checks what is installed and permitted here, and prints the fix for what is not.

The only proof is a try: tshark is run, and each engine is started.
"""

from __future__ import annotations

import platform
import shlex
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from inspector import __version__
from inspector.capture.engines.registry import check_engines
from inspector.capture.left_captures import DAYS_KEPT, LeftCapture, left_captures
from inspector.errors import InspectorError
from inspector.headless.output import Output
from inspector.present.export.json import json_line
from inspector.text import clean, counted
from inspector.tshark.binary import find_tshark

_MAX_LISTED: Final = 3
"""How many left captures are listed one by one."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check. Its fields are the keys of the JSON."""

    check: str
    ok: bool
    needed: bool
    """False for something that the program can do without."""
    detail: str
    fix: str = ""


async def print_checks(*, as_json: bool) -> int:
    """Run and print all checks; return 0 if the program can work here, and 1 if something needed is missing."""
    output, can_work = Output(), True
    async for result in _check_all():
        can_work = can_work and (result.ok or not result.needed)
        if as_json:
            output.lines([json_line(asdict(result))])
        else:
            output.texts(_lines(result, colour=output.in_colour))
    return 0 if can_work else 1


async def _check_all() -> AsyncIterator[CheckResult]:
    yield CheckResult(
        "grpc-inspector", ok=True, needed=True, detail=f"{__version__}, Python {platform.python_version()}"
    )
    yield await _tshark()
    permissions = await check_engines()
    best = next((each.engine for each in permissions if each.is_allowed), "")
    for each in permissions:
        chosen = " --engine auto chooses it here." if each.engine == best else ""
        yield CheckResult(each.engine, each.is_allowed, needed=False, detail=each.words + chosen, fix=each.cure)
    for result in _left_captures(left_captures()):
        yield result


def _left_captures(captures: Sequence[LeftCapture]) -> Iterator[CheckResult]:
    """Yield the captures that killed runs left: the newest by name, the others by their number."""
    for capture in captures[:_MAX_LISTED]:
        first, count = capture.paths[0], len(capture.paths)
        files = f" and {counted(count - 1, 'more file', 'more files')} of the same run" if count > 1 else ""
        detail = f"A run that was killed left its capture: {first}{files}"
        fix = f"Open, save or delete it in the app (F9), or delete it here: rm {shlex.join(map(str, capture.paths))}"
        yield CheckResult("left capture", ok=False, needed=False, detail=detail, fix=fix)
    if older := captures[_MAX_LISTED:]:
        detail = f"{counted(len(older), 'older one', 'older ones')} in {older[0].paths[0].parent}"
        fix = f"Each is deleted automatically {DAYS_KEPT} days after its last packet."
        yield CheckResult("left captures", ok=False, needed=False, detail=detail, fix=fix)


async def _tshark() -> CheckResult:
    try:
        tshark = find_tshark()
        version = await tshark.version()
    except InspectorError as error:
        return CheckResult("tshark", ok=False, needed=True, detail=error.message, fix=error.hint)
    return CheckResult("tshark", ok=True, needed=True, detail=f"{version} ({tshark.path})")


def _lines(result: CheckResult, *, colour: bool) -> list[str]:
    mark, code = ("ok", 32) if result.ok else ("no", 31 if result.needed else 33)
    word = f"\x1b[{code}m{mark}\x1b[0m" if colour else mark
    lines = [f"{word}  {result.check:<14}  {clean(result.detail)}"]
    if result.fix and not result.ok:
        lines.append(f"{'':<20}{clean(result.fix)}")
    return lines
