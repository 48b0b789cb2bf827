"""Resolves the imports of .proto files and compiles the files with protoc."""

from __future__ import annotations

import importlib.util
import re
import stat
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from inspector.errors import SchemaError
from inspector.processes import end, spawn

_COMMON_FOLDERS: Final = ("proto", "protos", "third_party", "vendor", "include")
_MAX_FILES: Final = 10_000
_MAX_BYTES: Final = 8_000_000
"""The largest generated .proto files have a tenth of it."""

# Comments and other strings are matched too, so that an import inside of them is not found.
_TOKENS: Final = re.compile(
    r"""//[^\n]* | /\*.*?\*/
      | \b(?P<import>import)\s+(?:(?:public|weak|option)\s+)?(?P<quote>["'])(?P<name>[^"'\\\n]+)(?P=quote)\s*;
      | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""",
    re.VERBOSE | re.DOTALL,
)


class Import(NamedTuple):
    """An import statement."""

    name: str
    file: Path
    line: int


@dataclass(frozen=True, slots=True)
class Imports:
    """The resolved imports of some files."""

    roots: tuple[Path, ...]
    """The import folders for protoc, those of the user first."""
    files: tuple[Path, ...]
    """The given files and all their imports, except Google's own files."""
    missing: tuple[Import, ...]
    """The imports that were not found."""


def find_imports(files: Sequence[Path], folders: Sequence[Path]) -> Imports:
    """Resolve the imports of .proto files, transitively. Raises SchemaError for a file that cannot be read."""
    roots = [folder.resolve() for folder in folders]
    seen = dict.fromkeys(file.resolve() for file in files)
    given, waiting, missing = tuple(seen), list(seen), []
    while waiting and len(seen) < _MAX_FILES:
        for wanted in _imports_of(waiting.pop(0)):
            if (root := _root_of(wanted, roots)) is None:
                if not _is_installed(wanted.name):
                    missing.append(wanted)
                continue
            if root not in roots:
                roots.append(root)
            if (found := (root / wanted.name).resolve()) not in seen:
                seen[found] = None
                waiting.append(found)
    for file in given:
        if not any(file.is_relative_to(root) for root in roots):
            roots.append(file.parent)
    return Imports(tuple(roots), tuple(seen), tuple(missing))


@lru_cache(maxsize=1)
def installed_folders() -> tuple[Path, ...]:
    """Return the folders of Google's common types and of the well-known types."""
    common, tools = importlib.util.find_spec("google.api.annotations_pb2"), importlib.util.find_spec("grpc_tools")
    found = (
        Path(common.origin).parents[2] if common and common.origin else None,
        Path(tools.origin).parent / "_proto" if tools and tools.origin else None,
    )
    return tuple(folder for folder in found if folder is not None)


def _imports_of(file: Path) -> Iterator[Import]:
    try:
        text = "" if file.stat().st_size > _MAX_BYTES else file.read_text(errors="replace")
    except OSError as error:
        raise SchemaError(f"{file} cannot be read: {error.strerror}.") from error
    for token in _TOKENS.finditer(text):
        if token["import"]:
            yield Import(token["name"], file, text.count("\n", 0, token.start()) + 1)


def _root_of(wanted: Import, roots: Iterable[Path]) -> Path | None:
    """Return the folder in which an import resolves: a known one, else the nearest above the importing file."""
    if _is_installed(wanted.name) and not any(_holds(root, wanted.name) for root in roots):
        return None
    above = (folder / common for folder in wanted.file.parents for common in ("", *_COMMON_FOLDERS))
    return next((root for root in chain(roots, above) if _holds(root, wanted.name)), None)


def _holds(folder: Path, name: str) -> bool:
    try:
        return (folder / name).is_file()
    except (OSError, ValueError):  # a folder without permission, or an invalid name
        return False


def _is_installed(name: str) -> bool:
    return any(_holds(folder, name) for folder in installed_folders())


_PATH_HINT: Final = "Pass the folder in which imports are looked up with --proto-path."
_LOG_LINES: Final = re.compile(r"^(WARNING: All log messages before absl|[IW]\d{4} ).*\n?", re.MULTILINE)
"""Log lines of protoc that are not errors, such as a warning about a file without `syntax`."""


async def compile_files(files: Sequence[Path], folders: Sequence[Path] = ()) -> FileDescriptorSet:
    """Return the descriptors of .proto files and of all their imports, imports first.

    Imports are looked up in `folders`, in this order, and then in the folders above each file. The well-known types
    and Google's common types are always found.

    Raises:
        SchemaError: a file cannot be read or compiled, or an import is not found.
    """
    for file in files:
        _check(file)
    imports = find_imports(files, folders)
    with TemporaryDirectory(prefix="grpc-inspector-") as folder:
        output = Path(folder) / "files.pb"
        arguments = _arguments(files, imports)
        if errors := await _protoc(*arguments, f"--descriptor_set_out={output}", "--include_imports"):
            raise _missing(imports) or SchemaError(f"protoc: {errors}", _PATH_HINT if "not found" in errors else "")
        return FileDescriptorSet.FromString(output.read_bytes())


def _check(file: Path) -> None:
    try:
        mode = file.stat().st_mode
    except FileNotFoundError as error:
        raise SchemaError(f"There is no file {file}.", "--proto takes the path of a .proto file.") from error
    except OSError as error:
        raise SchemaError(f"{file} cannot be read: {error.strerror}.") from error
    if not stat.S_ISREG(mode):
        raise SchemaError(f"{file} is not a file.", "--proto takes .proto files, and --proto-path takes folders.")


def _arguments(files: Sequence[Path], imports: Imports) -> list[str]:
    """Return the arguments of protoc. Absolute paths cannot be mistaken for options, and are below an import folder."""
    roots = (*imports.roots, *installed_folders())
    return [*(f"--proto_path={root}" for root in roots), *(str(file.resolve()) for file in files)]


def _missing(imports: Imports) -> SchemaError | None:
    """Return an error about the first import that was not found; it only matters when protoc has failed."""
    for name, file, line in imports.missing:
        folders = " or ".join(map(str, imports.roots))
        return SchemaError(f"{file}, line {line}, imports {name}, which is not in {folders}.", _PATH_HINT)
    return None


async def _protoc(*arguments: str) -> str:
    """Run protoc; return its errors, empty for none."""
    protoc = await spawn(sys.executable, "-P", "-m", "grpc_tools.protoc", *arguments, stdout=DEVNULL, stderr=PIPE)
    try:
        _, errors = await protoc.communicate()
    finally:
        status = await end(protoc)
    if status == 0:
        return ""
    return _LOG_LINES.sub("", errors.decode(errors="replace")).strip() or f"it ended with status {status}"
