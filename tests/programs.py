"""Which tests start tshark, an engine or a terminal, so that `make test-fast` can leave them out.

A test is found to start one of these by the names in its code, in its fixtures and in the helpers of `tests` that they
call. `StartGuard` checks at run time that none was missed: a test that starts one unexpectedly fails.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from inspect import unwrap
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final

import pytest

from inspector.capture.engines.registry import check_engines, start_engine
from inspector.cli import main
from inspector.headless import doctor
from inspector.session import Session
from inspector.tshark.binary import Tshark, find_tshark

PROGRAMS: Final = frozenset({"tshark", "sharkd", "dumpcap", "tcpdump", "tmux"})
STARTERS: Final[tuple[object, ...]] = (Session, Tshark, find_tshark, start_engine, check_engines, main, doctor)
"""What starts a program when a test calls it."""
WORDS: Final = PROGRAMS | {"editcap", "mergecap", "inspector", "tests.reach", "tests.bench"}
"""Arguments of command lines that start a program, themselves or by `python -m`."""
_IN_COMMANDS: Final = ("-m inspector", "start_engine(")
"""In the text of command lines and of scripts for `python -c`."""


def starts_programs(item: pytest.Function) -> bool:
    """Whether a test refers to anything that starts one of the programs."""
    fixtures = [each.func for found in item._fixtureinfo.name2fixturedefs.values() for each in found]
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    if item.get_closest_marker("starts_nothing"):
        return False
    return bool(item.get_closest_marker("capture")) or any(map(shows_program, (item.function, *fixtures, *parameters)))


def shows_program(value: object) -> bool:
    """Whether code, or a value of the tests, refers to anything that starts one of the programs."""
    seen: dict[int, object] = {}
    found = [value]
    while found:
        each = found.pop()
        if id(each) in seen or id(each) in _harmless:
            continue
        seen[id(each)] = each
        if id(each) in _starting or (isinstance(each, str) and _is_command(each)):
            _starting[id(value)] = value
            return True
        found += _references(each)
    _harmless.update((key, each) for key, each in seen.items() if isinstance(each, FunctionType | type))
    return False


_starting: Final = {id(starter): starter for starter in STARTERS}
_harmless: Final[dict[int, object]] = {}
"""What was found out before, by identity; with the values, so that no identity is used again."""


def _is_command(text: str) -> bool:
    return text in WORDS or any(each in text for each in _IN_COMMANDS)


def _references(value: object) -> Iterable[Any]:
    """Return the values that a value of the tests holds, or that its code refers to."""
    match value:
        case tuple() | list() | set() | frozenset():
            return value
        case Mapping():
            return value.values()
        case type():
            return vars(value).values() if value.__module__.startswith("tests.") else ()
        case FunctionType():
            return _of_function(value)
    return [getattr(value, name, None) for name in ("func", "fget", "__func__")]  # partial, property, static method


def _of_function(wrapper: FunctionType) -> Iterator[Any]:
    function = unwrap(wrapper)
    if not isinstance(function, FunctionType) or not function.__module__.startswith("tests."):
        return
    yield from function.__defaults__ or ()
    for cell in function.__closure__ or ():
        yield _content(cell)
    names, constants = _names(function.__code__)
    yield from constants
    for name in names:
        value = function.__globals__.get(name)
        if isinstance(value, ModuleType):
            yield from (getattr(value, attribute) for attribute in names if hasattr(value, attribute))
        elif value is not None:
            yield value


def _content(cell: Any) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


@cache
def _names(code: CodeType) -> tuple[tuple[str, ...], tuple[object, ...]]:
    """Return the names of globals and attributes, and the constants, of code and the code in it."""
    inner = [_names(each) for each in code.co_consts if isinstance(each, CodeType)]
    constants = tuple(each for each in code.co_consts if not isinstance(each, CodeType))
    return (
        (*code.co_names, *(name for names, _ in inner for name in names)),
        (*constants, *(each for _, values in inner for each in values)),
    )


class StartGuard:
    """Refuses to start a program unless it is allowed.

    In this process an audit hook raises. Children find programs that fail, first on PATH, and that write to a log.
    """

    def __init__(self) -> None:
        self.is_allowed = True
        self._log: Path | None = None
        sys.addaudithook(self._audit)  # cannot be removed, so there is one guard

    def put_on_path(self, folder: Path) -> None:
        """Have children of children find programs that fail."""
        self._log = folder / "started.log"
        for name in PROGRAMS:
            script = folder / name
            script.write_text(f'#!/bin/sh\necho {name} >>"{self._log}"\nexit 1\n')
            script.chmod(0o755)
        os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"

    def take_started(self) -> list[str]:
        """Return the programs that children tried to start since the last call."""
        if self._log is None or not self._log.exists():
            return []
        started = self._log.read_text().split()
        self._log.unlink()
        return started

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.is_allowed or event not in _EVENTS:
            return
        if (name := Path(_EVENTS[event](arguments)).name) in PROGRAMS:
            raise RuntimeError(
                f"This test starts {name}, which its code did not show. Let it refer to a helper that names the "
                f"program, or add what starts it to STARTERS in tests/programs.py."
            )


def _popen_program(arguments: tuple[Any, ...]) -> str:
    executable, argv = arguments[:2]
    return os.fsdecode(executable or (argv if isinstance(argv, str | bytes) else argv[0]))


_EVENTS: Final[dict[str, Callable[[tuple[Any, ...]], str]]] = {
    "subprocess.Popen": _popen_program,
    "os.exec": lambda arguments: os.fsdecode(arguments[0]),
    "os.posix_spawn": lambda arguments: os.fsdecode(arguments[0]),
}
