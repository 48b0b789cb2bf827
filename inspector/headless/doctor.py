"""`doctor`: checks what is installed and permitted here, and names a fix for what is not.

Checks try the real thing: tshark is run, and each engine is started.
"""

from __future__ import annotations

import platform
import shlex
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from inspector import __version__
from inspector.capture.engines.start import check_engines
from inspector.capture.left_captures import DAYS_KEPT, LeftCapture, left_captures
from inspector.errors import InspectorError
from inspector.headless.output import Output
from inspector.present.export.json import json_line
from inspector.text import clean, counted
from inspector.tshark.binary import find_tshark

_NAMED_CAPTURES: Final = 3
"""Left captures that are named; the others are counted."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check."""

    check: str
    ok: bool
    needed: bool
    """False if the program works without it."""
    detail: str
    fix: str = ""


async def print_findings(*, as_json: bool) -> int:
    """Run and print the checks; return 0, or 1 if something that the program needs is missing."""
    output, can_work = Output(), True
    async for finding in _findings():
        can_work = can_work and (finding.ok or not finding.needed)
        if as_json:
            output.lines([json_line(asdict(finding))])
        else:
            output.texts(_lines(finding, colour=output.in_colour))
    return 0 if can_work else 1


async def _findings() -> AsyncIterator[CheckResult]:
    yield CheckResult(
        "grpc-inspector", ok=True, needed=True, detail=f"{__version__}, Python {platform.python_version()}"
    )
    yield await _tshark()
    permissions = await check_engines()
    best = next((each.engine for each in permissions if each.is_allowed), "")
    for each in permissions:
        chosen = " This is what --engine auto chooses here." if each.engine == best else ""
        yield CheckResult(each.engine, each.is_allowed, needed=False, detail=each.text + chosen, fix=each.hint)
    for finding in _left_captures(left_captures()):
        yield finding


def _left_captures(captures: Sequence[LeftCapture]) -> Iterator[CheckResult]:
    """Yield the captures that killed runs have left: the newest by name, the others by their count."""
    for capture in captures[:_NAMED_CAPTURES]:
        first, count = capture.paths[0], len(capture.paths)
        files = f" and {counted(count - 1, 'more file', 'more files')} of the same run" if count > 1 else ""
        detail = f"An earlier run left its capture: {first}{files}"
        fix = f"Open, save or delete it in the app (F9), or delete it here: rm {shlex.join(map(str, capture.paths))}"
        yield CheckResult("left capture", ok=False, needed=False, detail=detail, fix=fix)
    if older := captures[_NAMED_CAPTURES:]:
        detail = f"{counted(len(older), 'older one', 'older ones')} in {older[0].paths[0].parent}"
        fix = f"Each is deleted by itself {DAYS_KEPT} days after its last packet."
        yield CheckResult("left captures", ok=False, needed=False, detail=detail, fix=fix)


async def _tshark() -> CheckResult:
    try:
        tshark = find_tshark()
        version = await tshark.version()
    except InspectorError as error:
        return CheckResult("tshark", ok=False, needed=True, detail=error.message, fix=error.hint)
    return CheckResult("tshark", ok=True, needed=True, detail=f"{version} ({tshark.path})")


def _lines(finding: CheckResult, *, colour: bool) -> list[str]:
    mark, code = ("ok", 32) if finding.ok else ("no", 31 if finding.needed else 33)
    word = f"\x1b[{code}m{mark}\x1b[0m" if colour else mark
    lines = [f"{word}  {finding.check:<14}  {clean(finding.detail)}"]
    if finding.fix and not finding.ok:
        lines.append(f"{'':<20}{clean(finding.fix)}")
    return lines
