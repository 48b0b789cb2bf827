"""What `make reach` counts as taking part, over a small package that is written for it."""

from __future__ import annotations

import importlib
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.reach import Reach

pytestmark = pytest.mark.system

FILES = {
    "__init__.py": "",
    "called.py": "def run():\n    return 1\n",
    "in_thread.py": "def run():\n    return 1\n",
    "before.py": "def run():\n    return 1\n",
    "imported.py": "def table():\n    return {}\n\nTABLE = table()\n\nclass Value:\n    x = [each for each in 'ab']\n",
    "generated.py": "from dataclasses import dataclass\n\n@dataclass\nclass Value:\n    x: int\n",
    "going_on.py": "def run():\n    yield 1\n    yield 2\n",
    "part/__init__.py": "def run():\n    from pack_of_reach import imported\n    return imported.Value()\n",
}


def test_a_module_takes_part_when_its_functions_run_not_when_it_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "pack_of_reach"
    for name, source in FILES.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(source)
    monkeypatch.syspath_prepend(tmp_path)

    def module(name: str) -> Any:
        return importlib.import_module(f"pack_of_reach.{name}")

    reach = Reach(package)
    with reach.installed():
        module("before").run()
        going_on = module("going_on").run()
        next(going_on)
        proceed = threading.Event()
        thread = threading.Thread(target=lambda: proceed.wait() and module("in_thread").run())
        thread.start()
        with reach.counting():
            module("called").run()
            module("part").run()
            module("generated").Value(1)
            next(going_on)
            proceed.set()
            thread.join()
        module("before").run()
    module("before").run()
    names = ["called", "going_on", "in_thread", "part"]
    assert reach.modules == [f"pack_of_reach.{name}" for name in names]
