"""The figures of `make structure`, over small packages that are written for it."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tests.structure import (
    BROAD,
    CLASSES,
    OTHERS,
    OWN,
    PRIVATE,
    Finding,
    Measures,
    Project,
    find,
    main,
    measure,
    percentile,
    table,
)


def write(folder: Path, files: dict[str, str], name: str = "pack") -> Path:
    """Write a package, with an empty `__init__.py` wherever none is given."""
    root = folder / name
    root.mkdir(parents=True, exist_ok=True)
    for file, source in files.items():
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(source))
    for each in (root, *(path for path in root.rglob("*") if path.is_dir())):
        (each / "__init__.py").touch()
    return root


def project(folder: Path, files: dict[str, str]) -> Project:
    return Project("pack", write(folder, files))


def measured(folder: Path, files: dict[str, str]) -> Measures:
    return measure(project(folder, files))


def places(findings: list[Finding]) -> list[tuple[str, int, str]]:
    return [(each.path.name, each.line, each.text) for each in findings]


def cycles(folder: Path, files: dict[str, str]) -> list[list[str]]:
    return [[module.name for module in cycle] for cycle in project(folder, files).cycles()]


def methods(folder: Path, files: dict[str, str]) -> dict[str, set[str]]:
    classes = project(folder, files).classes
    return {each.name: classes.methods(each) for each in classes}


@pytest.mark.parametrize(
    "back",
    [
        "import pack.one",
        "from pack import one",
        "from pack.one import X",
        "from . import one",
        "from .one import X as Y",
        "from .one import *",
        "try:\n    import json\nexcept ImportError:\n    from . import one",
        "class Inside:\n    from pack import one",
        "if TYPE_CHECKING:\n    pass\nelse:\n    from pack import one",
    ],
)
def test_modules_that_import_each_other_are_a_cycle(tmp_path: Path, back: str) -> None:
    files = {"one.py": "from pack.two import Y", "two.py": back, "three.py": "from pack import one, two"}
    assert cycles(tmp_path, files) == [["pack.one", "pack.two"]]


@pytest.mark.parametrize(
    "back",
    [
        "def later():\n    from pack import one",
        "class Inside:\n    def later(self):\n        from pack import one",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pack import one",
        "import typing\nif typing.TYPE_CHECKING:\n    from pack import one",
        "from other import one",
        "import one",
        "",
    ],
)
def test_an_import_that_does_not_run_with_the_module_closes_no_cycle(tmp_path: Path, back: str) -> None:
    assert cycles(tmp_path, {"one.py": "from pack.two import Y", "two.py": back}) == []


def test_cycles_are_counted_apart_and_the_largest_comes_first(tmp_path: Path) -> None:
    files = {
        "a.py": "from . import b",
        "b.py": "from . import a",
        "deep/c.py": "from .d import x",
        "deep/d.py": "from ..deep import e",
        "deep/e.py": "from .. import a\nfrom .c import y",
    }
    assert cycles(tmp_path, files) == [["pack.deep.c", "pack.deep.d", "pack.deep.e"], ["pack.a", "pack.b"]]


def test_an_init_that_imports_from_below_is_in_a_cycle_only_if_it_is_imported_from(tmp_path: Path) -> None:
    init = {"__init__.py": "from pack.low import Low"}
    assert cycles(tmp_path, {**init, "low.py": "import pack.base", "base.py": ""}) == []
    assert cycles(tmp_path, {**init, "low.py": "from pack import Low"}) == [["pack", "pack.low"]]


@pytest.mark.parametrize(
    ("imports", "base"),
    [
        ("from pack.base import Base", "Base"),
        ("from pack.base import Base as Other", "Other"),
        ("from pack.base import Base", "Base[int]"),
        ("import pack.base", "pack.base.Base"),
        ("import pack.base as low", "low.Base"),
        ("from . import base", "base.Base"),
        ("from .base import *", "Base"),
        ("from .again import Base", "Base"),
        ("from .more import Base", "Base"),
    ],
)
def test_methods_are_inherited_from_classes_of_the_project(tmp_path: Path, imports: str, base: str) -> None:
    files = {
        "base.py": "class Root:\n    def root(self): ...\nclass Base(Root):\n    def low(self): ...\n",
        "again.py": "from .base import Base",
        "more.py": "from .again import *",
        "top.py": f"{imports}\nclass Top({base}):\n    def low(self): ...\n    async def high(self): ...\n",
    }
    assert methods(tmp_path, files)["Top"] == {"root", "low", "high"}


def test_methods_of_foreign_bases_do_not_count_nor_a_property_twice(tmp_path: Path) -> None:
    source = """
    from threading import Thread
    class Top(Thread):
        @property
        def width(self): return 1
        @width.setter
        def width(self, value): ...
        if True:
            def sometimes(self):
                def inside(): ...
        class Nested:
            def other(self): ...
        class Deep(Nested): ...
    """
    found = methods(tmp_path, {"one.py": source})
    assert found == {"Top": {"width", "sometimes"}, "Top.Nested": {"other"}, "Top.Deep": {"other"}}


def test_classes_that_inherit_in_a_circle_end(tmp_path: Path) -> None:
    files = {
        "one.py": "from .two import B\nclass A(B):\n    def a(self): ...\n",
        "two.py": "from .one import A\nfrom .two import C\nclass B(A, C):\n    def b(self): ...\n",
    }
    assert methods(tmp_path, files) == {"A": {"a", "b"}, "B": {"a", "b"}}


def test_classes_of_many_methods_are_listed(tmp_path: Path) -> None:
    body = "".join(f"    def m{number}(self): ...\n" for number in range(20))
    files = {"one.py": f"class Twenty:\n{body}class More(Twenty):\n    def one_more(self): ...\n"}
    found = measured(tmp_path, files)
    assert found.classes[-1] == (21, "More")
    assert places(found.findings[CLASSES]) == [("one.py", 22, "More: 21 methods")]


def test_private_names_of_others_are_found_and_nobody_elses(tmp_path: Path) -> None:
    source = """
    import os
    class Own:
        _count = 0
        def good(self, row):
            self._a = self.__class__._b = type(self)._c = Own._count
            super()._d()
            row._replace(x=1)
            row.__dict__
            os._exit(0)
        @classmethod
        def also_good(cls):
            return cls._count
        def bad(self, other):
            other._e = 1
            self.child._f()
            Foreign._g
            other.__h
            make()._i
    """
    found = measured(tmp_path, {"one.py": source}).findings[PRIVATE]
    assert [(line, text) for _, line, text in places(found)] == [
        (15, "other._e"),
        (16, "self.child._f"),
        (17, "Foreign._g"),
        (19, "make()._i"),
    ]


def test_broad_excepts_are_found(tmp_path: Path) -> None:
    source = """
    try: pass
    except ValueError: pass
    except (OSError, Exception): pass
    try: pass
    except BaseException as error: raise
    try: pass
    except: pass
    try: pass
    except foreign.Exception: pass
    """
    found = measured(tmp_path, {"one.py": source}).findings[BROAD]
    assert [(line, text) for _, line, text in places(found)] == [
        (4, "except Exception"),
        (6, "except BaseException"),
        (8, "except:"),
    ]


def test_the_length_of_a_function_with_and_without_its_docstring(tmp_path: Path) -> None:
    source = '''
    @decorated
    def one():
        """First.

        Second.
        """
        def inside():
            return 1
        return inside
    '''
    found = project(tmp_path, {"one.py": source}).functions
    assert [(each.place.line, each.lines, each.without_docstring) for each in found] == [(3, 8, 4), (8, 2, 2)]


@pytest.mark.parametrize(("values", "expected"), [([], 0), ([7], 7), (range(1, 101), 95), (range(20, 0, -1), 19)])
def test_percentile(values: list[int], expected: int) -> None:
    assert percentile(values, 0.95) == expected


def test_names_that_repeat(tmp_path: Path) -> None:
    files = {
        "one/a/form.py": "class Form: ...\nclass _Private: ...\n",
        "one/b/form.py": "class Form: ...\nclass _Private: ...\nclass Alone:\n    class Nested: ...\n",
        "two/form.py": "class Other:\n    class Nested: ...\n",
        "form.py": "if True:\n    class Twice: ...\nelse:\n    class Twice: ...\n",
    }
    found = measured(tmp_path, files)
    assert (found.repeated_classes, found.repeated_modules) == (1, 1)
    assert places(found.findings["repeated class name"]) == [("form.py", 1, "Form")] * 2
    assert [each.path.parent.name for each in found.findings["repeated module name"]] == ["a", "b"]


def test_tests_and_generated_code_are_not_measured_and_what_cannot_be_parsed_is_named(tmp_path: Path) -> None:
    files = {
        "one.py": "x = 1\n",
        "tests/test_one.py": "x = 1\n",
        "one_pb2.py": "x = 1\n",
        "bad.py": "x = 1\nprint 1\n",
        "not-a-module.py": "x = 1\n",
    }
    found = measured(tmp_path, files)
    assert found.files == [0, 1]
    assert places(found.findings["not measured"])[0][:2] == ("bad.py", 2)


def test_a_table_has_a_row_for_each_project_and_an_empty_one_has_one_too(tmp_path: Path) -> None:
    lines = table([measured(tmp_path, {})])
    assert len(lines) == 3
    assert lines[2].split() == ["pack", "0", "1", "-", "0", "/", "0", "-", "0", "0", "/", "0", *"00000"]


@pytest.mark.system
def test_nothing_of_what_is_measured_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("pack", OWN):
        write(tmp_path, {"__init__.py": "raise RuntimeError\n", "one.py": "try: pass\nexcept: pass\n"}, name)
    (tmp_path / "pack-1.2.3.dist-info").mkdir()
    assert main(["pack", "--list", "--path", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "\npack 1.2.3 " in printed
    assert f"{tmp_path}/pack/one.py:2: except:" in printed
    assert f"\n{OWN} " in printed


@pytest.mark.system
def test_what_is_missing_is_said_and_fails_only_if_it_was_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {}, OWN)
    assert main(["no_such_package", "--path", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "Not found: no_such_package." in said
    assert "pip install --no-deps --target DIR no_such_package" in said
    monkeypatch.setattr("sys.path", [])
    assert main(["--path", str(tmp_path)]) == 0
    assert f"Not found: {', '.join(OTHERS)}." in capsys.readouterr().err


@pytest.mark.system
def test_packages_are_found_in_folders_of_sources(tmp_path: Path) -> None:
    for folder in ("site", "sources/pack-1.0", "sources_too/pack/src"):
        write(tmp_path / folder, {})
    for folder in ("sources/pack-1.0", "sources_too/pack"):
        (tmp_path / folder / "pyproject.toml").touch()
    (tmp_path / "site" / "single.py").touch()
    assert find("pack", [tmp_path / "site", tmp_path / "sources"]) == tmp_path / "site/pack"
    assert find("pack", [tmp_path / "sources"]) == tmp_path / "sources/pack-1.0/pack"
    assert find("pack", [tmp_path / "sources_too"]) == tmp_path / "sources_too/pack/src/pack"
    assert find("single", [tmp_path / "site"]) == tmp_path / "site/single.py"
    assert find("pack", [tmp_path]) is None
    assert find(OWN, []) == Path(__file__).parents[1] / OWN
