"""`make structure`: how a package is built, in one row of figures, beside packages that are known to read well.

Parses source files and runs none of the measured code. Not measured: folders of tests inside a package, and code that
protoc generated. A module is one file, `__init__.py` included; its lines include comments and blank lines.
"""

from __future__ import annotations

import argparse
import ast
import math
import os
import statistics
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

OWN: Final = "inspector"
OTHERS: Final = ("h11", "httpx", "trio", "harlequin", "posting")

LONG_FILE, LONG_FUNCTION, MANY_METHODS = 400, 50, 20
"""Lines, lines without docstring, and methods: `--list` names what is over."""

_TESTS: Final = {"tests", "_tests", "test"}
_GENERATED: Final = ("_pb2.py", "_pb2_grpc.py")
_PUBLIC_UNDERSCORE: Final = {"_asdict", "_exit", "_fields", "_field_defaults", "_getframe", "_make", "_replace"}
"""Documented names of named tuples, `os` and `sys`: private by their spelling only."""

_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_Import: TypeAlias = ast.Import | ast.ImportFrom
_Findings: TypeAlias = list["Finding"]


class Finding(NamedTuple):
    """A place in the source, and what is there."""

    path: Path
    line: int
    text: str


class Module(NamedTuple):
    """A parsed source file."""

    name: str
    """With dots, from the name of the project on; a package is its `__init__.py`."""
    path: Path
    lines: int
    tree: ast.Module

    @property
    def package(self) -> str:
        """What its relative imports start from."""
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]

    def finding(self, node: ast.stmt | ast.expr | ast.excepthandler, text: str) -> Finding:
        return Finding(self.path, node.lineno, text)


class Function(NamedTuple):
    """The length of a function in lines of source, from its `def` to its end, decorators excluded."""

    place: Finding
    lines: int
    without_docstring: int


class Class(NamedTuple):
    """A class, and where it is defined."""

    module: Module
    name: str
    """With the classes around it, as in `__qualname__`."""
    node: ast.ClassDef


class Project:
    """A package read from one folder, or a single file."""

    def __init__(self, name: str, root: Path) -> None:
        self.name = name
        self.root = root
        self.skipped: _Findings = []
        """Files that this Python cannot parse."""
        self.modules = {module.name: module for module in self._read()}

    def _read(self) -> Iterator[Module]:
        single = self.root.is_file()
        for path in [self.root] if single else sorted(self.root.rglob("*.py")):
            parts = () if single else path.relative_to(self.root).with_suffix("").parts
            if (
                _TESTS.intersection(parts[:-1])
                or path.name.endswith(_GENERATED)
                or not all(map(str.isidentifier, parts))
            ):
                continue
            source = path.read_bytes()
            name = ".".join((self.name, *parts)).removesuffix(".__init__")
            try:
                with warnings.catch_warnings(action="ignore"):
                    tree = ast.parse(source)
            except SyntaxError as error:
                self.skipped.append(Finding(path, error.lineno or 1, f"not measured: {error.msg}"))
            else:
                yield Module(name, path, len(source.splitlines()), tree)

    @property
    def version(self) -> str:
        """The version according to the metadata that pip leaves beside a package; empty without."""
        found = next(self.root.parent.glob(f"{self.name}-*.dist-info"), None)
        return found.name.removesuffix(".dist-info").removeprefix(f"{self.name}-") if found else ""

    @cached_property
    def functions(self) -> list[Function]:
        return [
            measure_function(module, node)
            for module in self.modules.values()
            for node in ast.walk(module.tree)
            if isinstance(node, _Function)
        ]

    @cached_property
    def classes(self) -> ClassGraph:
        return ClassGraph(self.modules)

    def cycles(self) -> list[list[Module]]:
        """Return the groups of modules that import each other, the largest first."""
        graph = {name: imported_modules(module, self.modules) for name, module in self.modules.items()}
        reached = {name: reachable(name, graph) for name in graph}
        groups = {frozenset(other for other in reached[name] if name in reached[other]) for name in graph}
        return sorted(([self.modules[name] for name in sorted(group)] for group in groups if group), key=len)[::-1]


class ClassGraph:
    """The classes of a project with their bases, as far as these are classes of the project too."""

    def __init__(self, modules: dict[str, Module]) -> None:
        self._modules = modules
        self._by_name = {
            module.name: {found.name: found for found in classes_in(module)} for module in modules.values()
        }
        self._bound = {module.name: bound_names(module) for module in modules.values()}
        self._stars = {module.name: star_imports(module) for module in modules.values()}

    def __iter__(self) -> Iterator[Class]:
        return (found for classes in self._by_name.values() for found in classes.values())

    def methods(self, found: Class) -> set[str]:
        """Return the names of a class's methods, with those of its bases in the project."""
        return {name for each in self._lineage(found, {}) for name in methods_of(each.node)}

    def _lineage(self, found: Class, seen: dict[int, Class]) -> Iterable[Class]:
        """Collect a class and its bases, each once, keyed by the identity of the node."""
        if id(found.node) not in seen:
            seen[id(found.node)] = found
            for base in found.node.bases:
                if parent := self._base(found, base):
                    self._lineage(parent, seen)
        return seen.values()

    def _base(self, found: Class, base: ast.expr) -> Class | None:
        name = dotted(base.value if isinstance(base, ast.Subscript) else base)  # Generic classes are subscripted
        around = found.name.split(".")[:-1]
        scopes = [[*around[:depth], name] for depth in range(len(around), -1, -1)] if name else []
        return next(filter(None, (self._resolve(found.module.name, ".".join(scope), set()) for scope in scopes)), None)

    def _resolve(self, module: str, name: str, seen: set[tuple[str, str]]) -> Class | None:
        """Find what a dotted name means in a module, through imports and re-exports."""
        if (module, name) in seen:
            return None
        seen.add((module, name))
        if name in self._by_name[module]:
            return self._by_name[module][name]
        first, _, rest = name.partition(".")
        if first in self._bound[module]:
            return self._resolve_absolute(f"{self._bound[module][first]}.{rest}".rstrip("."), seen)
        stars = (self._resolve_absolute(f"{star}.{name}", seen) for star in self._stars[module])
        return next(filter(None, stars), None)

    def _resolve_absolute(self, name: str, seen: set[tuple[str, str]]) -> Class | None:
        module = nearest_module(name, self._modules)
        return self._resolve(module, name[len(module) + 1 :], seen) if module and module != name else None


def measure_function(module: Module, node: _Function) -> Function:
    """Count the lines of a function."""
    assert node.end_lineno is not None
    lines = node.end_lineno - node.lineno + 1
    first = node.body[0]
    docstring = 0
    if ast.get_docstring(node, clean=False) is not None and first.end_lineno is not None:
        docstring = first.end_lineno - first.lineno + 1
    place = module.finding(node, f"{node.name}: {lines} lines, {lines - docstring} without docstring")
    return Function(place, lines, lines - docstring)


def classes_in(module: Module) -> Iterator[Class]:
    """Yield the classes of a module, those inside of classes and functions too."""

    def inside(node: ast.AST, around: tuple[str, ...]) -> Iterator[Class]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef):
                yield Class(module, ".".join((*around, child.name)), child)
                yield from inside(child, (*around, child.name))
            elif isinstance(child, _Function):
                yield from inside(child, (*around, child.name, "<locals>"))
            elif isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
                yield from inside(child, around)

    return inside(module.tree, ())


def methods_of(node: ast.stmt | ast.excepthandler) -> Iterator[str]:
    """Yield the methods that a class body defines; a name may come twice, as properties and overloads do."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _Function):
            yield child.name
        elif isinstance(child, ast.stmt | ast.excepthandler) and not isinstance(child, ast.ClassDef):
            yield from methods_of(child)


def dotted(node: ast.expr) -> str:
    """Return `a.b.c` as written; empty for any other expression."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := dotted(node.value)):
        return f"{before}.{node.attr}"
    return ""


def absolute(node: ast.ImportFrom, package: str) -> str:
    """Return the name of the module that is imported from, relative imports resolved."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - node.level + 1], *([node.module] if node.module else [])])


def bound_names(module: Module) -> dict[str, str]:
    """Return what each imported name stands for, as an absolute dotted name."""
    bound = {}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                bound[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom):
            bound |= {each.asname or each.name: f"{absolute(node, module.package)}.{each.name}" for each in node.names}
    return bound


def star_imports(module: Module) -> list[str]:
    """Return the modules all of whose names a module imports."""
    found = (node for node in ast.walk(module.tree) if isinstance(node, ast.ImportFrom))
    return [absolute(node, module.package) for node in found if node.names[0].name == "*"]


def nearest_module(name: str, modules: dict[str, Module]) -> str:
    """Return the longest part of a dotted name, from its start, that is a module; empty if none is."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name


def imported_modules(module: Module, modules: dict[str, Module]) -> set[str]:
    """Return the modules that are imported while a module is imported.

    That importing `a.b` also runs `a/__init__.py` is left out: nobody wrote that down, and import-linter leaves it out.
    """
    found = set()
    for node in executed_imports(module.tree.body):
        if isinstance(node, ast.Import):
            found |= {nearest_module(alias.name, modules) for alias in node.names}
        else:
            start = absolute(node, module.package)
            found |= {nearest_module(f"{start}.{alias.name}", modules) for alias in node.names}
    return found - {"", module.name}


def executed_imports(body: Iterable[ast.AST]) -> Iterator[_Import]:
    """Yield the imports that run with the module: not those in functions, nor those for type checkers."""
    for node in body:
        if isinstance(node, _Import):
            yield node
        elif isinstance(node, ast.If) and dotted(node.test).rpartition(".")[2] == "TYPE_CHECKING":
            yield from executed_imports(node.orelse)
        elif isinstance(node, ast.stmt | ast.excepthandler | ast.match_case) and not isinstance(node, _Function):
            yield from executed_imports(ast.iter_child_nodes(node))


def reachable(start: str, graph: dict[str, set[str]]) -> set[str]:
    """Return where a walk along the imports leads to; the start itself only if something leads back to it."""
    found: set[str] = set()
    ahead = list(graph[start])
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead += graph[name]
    return found


def broad_handlers(module: Module) -> Iterator[Finding]:
    """Yield the `except` clauses that catch Exception, BaseException or everything."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ExceptHandler):
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            for each in caught:
                if each is None or dotted(each).removeprefix("builtins.") in {"Exception", "BaseException"}:
                    yield module.finding(node, "except:" if each is None else f"except {dotted(each)}")
                    break


def private_accesses(module: Module) -> Iterator[Finding]:
    """Yield the uses of names with one underscore in front that belong to somebody else."""
    classes = {node.name for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef)}
    own = {"self", "cls", "type(self)", "self.__class__", *classes}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            owner = ast.unparse(node.value)
            if node.attr not in _PUBLIC_UNDERSCORE and owner not in own and not owner.startswith("super("):
                yield module.finding(node, f"{owner}.{node.attr}")


def repeated_classes(project: Project) -> dict[str, list[Class]]:
    """Return the public classes, not nested, that several modules define under one name."""
    by_name: defaultdict[str, dict[str, Class]] = defaultdict(dict)
    for found in project.classes:
        if "." not in found.name and not found.name.startswith("_"):
            by_name[found.name].setdefault(found.module.name, found)
    return {name: list(found.values()) for name, found in sorted(by_name.items()) if len(found) > 1}


def repeated_modules(project: Project) -> dict[str, list[Module]]:
    """Return the files of one name within one package, its sub-packages included.

    A package here is one directly inside the project: `a.x.y.form` and `a.x.z.form` are such a pair, `a.x.form` and
    `a.z.form` are none.
    """
    by_name: defaultdict[str, list[Module]] = defaultdict(list)
    for module in project.modules.values():
        parts = module.name.split(".")
        if module.path.stem not in {"__init__", "__main__"}:
            by_name[f"{'.'.join(parts[: min(2, len(parts) - 1)])}: {parts[-1]}"].append(module)
    return {name: found for name, found in sorted(by_name.items()) if len(found) > 1}


class Measures(NamedTuple):
    """The figures of a project, with the places behind them."""

    title: str
    files: list[int]
    """Their lines, ascending."""
    classes: list[tuple[int, str]]
    """Methods and name, ascending."""
    functions: list[Function]
    cycles: list[int]
    """Modules in each, descending."""
    findings: dict[str, _Findings]
    """By kind, as `--list` prints them."""
    repeated_classes: int
    repeated_modules: int


BROAD, PRIVATE, CLASSES = "broad except", "private access", f"class of over {MANY_METHODS} methods"


def measure(project: Project) -> Measures:
    """Count everything."""
    modules = list(project.modules.values())
    counted = sorted(((len(project.classes.methods(each)), each) for each in project.classes), key=lambda each: each[0])
    cycles, classes, names = project.cycles(), repeated_classes(project), repeated_modules(project)
    findings = {
        f"file of over {LONG_FILE} lines": [
            Finding(each.path, 1, f"{each.lines} lines") for each in modules if each.lines > LONG_FILE
        ],
        CLASSES: [
            each.module.finding(each.node, f"{each.name}: {count} methods")
            for count, each in reversed(counted)
            if count > MANY_METHODS
        ],
        f"function of over {LONG_FUNCTION} lines": [
            each.place for each in project.functions if each.without_docstring > LONG_FUNCTION
        ],
        "import cycle": [
            Finding(each.path, 1, f"in cycle {number} of {len(cycle)} modules")
            for number, cycle in enumerate(cycles, 1)
            for each in cycle
        ],
        BROAD: sorted(found for each in modules for found in broad_handlers(each)),
        PRIVATE: sorted(found for each in modules for found in private_accesses(each)),
        "repeated class name": [
            each.module.finding(each.node, name) for name, found in classes.items() for each in found
        ],
        "repeated module name": [Finding(each.path, 1, name) for name, found in names.items() for each in found],
        "not measured": project.skipped,
    }
    return Measures(
        title=f"{project.name} {project.version}".rstrip(),
        files=sorted(each.lines for each in modules),
        classes=[(count, each.name) for count, each in counted],
        functions=project.functions,
        cycles=[len(cycle) for cycle in cycles],
        findings=findings,
        repeated_classes=len(classes),
        repeated_modules=len(names),
    )


def percentile(values: Iterable[int], share: float) -> int:
    """Return the smallest value that so large a share of all do not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else 0


def _density(found: Measures) -> str:
    lines = sum(found.files)
    return f"{1000 * len(found.files) / lines:.1f}" if lines else "-"


def _sizes(found: Measures) -> str:
    return f"{statistics.median(found.files):.0f} / {found.files[-1]:,}" if found.files else "-"


def _largest_class(found: Measures) -> str:
    return "{} {}".format(*found.classes[-1]) if found.classes else "-"


def _lengths(found: Measures) -> str:
    with_docstring = percentile((each.lines for each in found.functions), 0.95)
    return f"{with_docstring} / {percentile((each.without_docstring for each in found.functions), 0.95)}"


def _cycles(found: Measures) -> str:
    return f"{len(found.cycles)} (largest {found.cycles[0]})" if found.cycles else "0"


COLUMNS: Final[tuple[tuple[str, str, Callable[[Measures], str]], ...]] = (
    ("", "project", lambda found: found.title),
    ("", "lines", lambda found: f"{sum(found.files):,}"),
    ("", "modules", lambda found: str(len(found.files))),
    ("modules per", "1,000 lines", _density),
    ("file: median", "/ largest", _sizes),
    ("largest class:", "methods, name", _largest_class),
    ("classes of >20", "methods", lambda found: str(len(found.findings[CLASSES]))),
    ("function p95", "/ no docstring", _lengths),
    ("import", "cycles", _cycles),
    ("broad", "excepts", lambda found: str(len(found.findings[BROAD]))),
    ("private", "accesses", lambda found: str(len(found.findings[PRIVATE]))),
    ("same name:", "classes", lambda found: str(found.repeated_classes)),
    ("same name:", "modules", lambda found: str(found.repeated_modules)),
)


def table(rows: Sequence[Measures]) -> list[str]:
    """Return a heading of two lines and one line per project."""
    cells = [[column[0] for column in COLUMNS], [column[1] for column in COLUMNS]]
    cells += [[column[2](row) for column in COLUMNS] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in cells]


def listing(found: Measures) -> Iterator[str]:
    """Yield a line for each place that a figure counts."""
    for kind, findings in found.findings.items():
        if findings:
            yield f"\n{found.title}: {kind} ({len(findings)})"
            yield from (f"  {shown(each.path)}:{each.line}: {each.text}" for each in findings)


def shown(path: Path) -> str:
    """Return a path that can be opened from here, short where it is below."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def find(name: str, folders: Sequence[Path]) -> Path | None:
    """Find a package or a single file: in the folders, in sources unpacked there, else as Python imports it here."""
    markers = ("*/pyproject.toml", "*/setup.py")
    unpacked = [made.parent for folder in folders for marker in markers for made in sorted(folder.glob(marker))]
    for folder in (each / below for each in (*folders, *unpacked) for below in ("", "src")):
        if (folder / name / "__init__.py").is_file():
            return folder / name
        if (folder / f"{name}.py").is_file():
            return folder / f"{name}.py"
    spec = PathFinder.find_spec(name)  # looks for files only; importlib.util.find_spec may import
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    return Path(spec.origin).parent if spec.submodule_search_locations else Path(spec.origin)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; the status is 1 where a package named by hand is missing."""
    parser = argparse.ArgumentParser(prog="python -m tests.structure", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="PACKAGE", help=f"beside {OWN}; {', '.join(OTHERS)} without one")
    parser.add_argument("--path", action="append", default=[], type=Path, metavar="DIR", help="look here first")
    parser.add_argument("--list", action="store_true", help="list what is counted, with file and line")
    options = parser.parse_args(arguments)
    for folder in options.path:
        if not folder.is_dir():
            parser.error(f"no such folder: {folder}")
    names = list(dict.fromkeys((OWN, *(options.names or OTHERS))))
    roots = {name: find(name, options.path) for name in names}
    rows = [measure(Project(name, root)) for name, root in roots.items() if root]
    print(f"Parsed by Python {sys.version.split()[0]}. Packages not found in --path are those of {sys.executable}.")
    print(*table(rows), sep="\n")
    if options.list:
        print(*(line for row in rows for line in listing(row)), sep="\n")
    for row in rows:
        for skipped in row.findings["not measured"]:
            print(f"{shown(skipped.path)}:{skipped.line}: {skipped.text}", file=sys.stderr)
    if missing := [name for name, root in roots.items() if not root]:
        print(
            f"Not found: {', '.join(missing)}. Install elsewhere, as the program does not need them:\n"
            f"  python3 -m pip install --no-deps --target DIR {' '.join(missing)}\n"
            f'  make structure ARGS="--path DIR"',
            file=sys.stderr,
        )
    return 1 if set(options.names) & {name for name, root in roots.items() if not root} else 0


if __name__ == "__main__":
    sys.exit(main())
