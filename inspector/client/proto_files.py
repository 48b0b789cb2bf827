"""Finds the imports of .proto files and compiles them with protoc."""

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

_USUAL: Final = ("proto", "protos", "third_party", "vendor", "include")
_MAX_FILES: Final = 10_000
_LARGEST: Final = 8_000_000
"""Bytes; the largest .proto that people write by machine is a tenth of it."""

# Comments and other strings are matched too, so that an import inside one is none.
_TOKENS: Final = re.compile(
    r"""//[^\n]* | /\*.*?\*/
      | \b(?P<import>import)\s+(?:(?:public|weak|option)\s+)?(?P<quote>["'])(?P<name>[^"'\\\n]+)(?P=quote)\s*;
      | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""",
    re.VERBOSE | re.DOTALL,
)


class Import(NamedTuple):
    """An import as a file has it."""

    name: str
    file: Path
    line: int


@dataclass(frozen=True, slots=True)
class Imports:
    """What the imports of some files lead to."""

    roots: tuple[Path, ...]
    """The folders to give to protoc, those that the user named first."""
    files: tuple[Path, ...]
    """The given files and all that they import, but for Google's own."""
    missing: tuple[Import, ...]
    """What was found nowhere."""


def find_imports(files: Sequence[Path], folders: Sequence[Path]) -> Imports:
    """Follow the imports of .proto files. Raises SchemaError for a file that cannot be read."""
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
    """Where Google's common types and the well-known types are installed."""
    common, tools = importlib.util.find_spec("google.api.annotations_pb2"), importlib.util.find_spec("grpc_tools")
    found = (
        Path(common.origin).parents[2] if common and common.origin else None,
        Path(tools.origin).parent / "_proto" if tools and tools.origin else None,
    )
    return tuple(folder for folder in found if folder is not None)


def _imports_of(file: Path) -> Iterator[Import]:
    try:
        text = "" if file.stat().st_size > _LARGEST else file.read_text(errors="replace")
    except OSError as error:
        raise SchemaError(f"{file} cannot be read: {error.strerror}.") from error
    for token in _TOKENS.finditer(text):
        if token["import"]:
            yield Import(token["name"], file, text.count("\n", 0, token.start()) + 1)


def _root_of(wanted: Import, roots: Iterable[Path]) -> Path | None:
    """The folder in which an import resolves: a known one, else the nearest above the file; None where none does."""
    if _is_installed(wanted.name) and not any(_holds(root, wanted.name) for root in roots):
        return None
    above = (folder / usual for folder in wanted.file.parents for usual in ("", *_USUAL))
    return next((root for root in chain(roots, above) if _holds(root, wanted.name)), None)


def _holds(folder: Path, name: str) -> bool:
    try:
        return (folder / name).is_file()
    except (OSError, ValueError):  # a folder that may not be entered, a name that cannot be one
        return False


def _is_installed(name: str) -> bool:
    return any(_holds(folder, name) for folder in installed_folders())


_PATH_HINT: Final = "--proto-path names the folder that its imports start from."
_LOG_LINES: Final = re.compile(r"^(WARNING: All log messages before absl|[IW]\d{4} ).*\n?", re.MULTILINE)
"""What its logging says beside its errors: that a file names no syntax, say."""


async def compile_files(files: Sequence[Path], folders: Sequence[Path] = ()) -> FileDescriptorSet:
    """The descriptors of .proto files and of all that they import, imports first.

    `folders` are where imports are looked for, in their order; where they do not lead, the folders above each file
    are tried. The well-known types and Google's common ones are always found. Raises SchemaError.
    """
    for file in files:
        _check(file)
    imports = find_imports(files, folders)
    with TemporaryDirectory(prefix="grpc-inspector-") as folder:
        output = Path(folder) / "files.pb"
        arguments = _arguments(files, imports)
        if complaint := await _protoc(*arguments, f"--descriptor_set_out={output}", "--include_imports"):
            raise _missing(imports) or SchemaError(
                f"protoc: {complaint}", _PATH_HINT if "not found" in complaint else ""
            )
        return FileDescriptorSet.FromString(output.read_bytes())


def _check(file: Path) -> None:
    try:
        mode = file.stat().st_mode
    except FileNotFoundError as error:
        raise SchemaError(f"There is no file {file}.", "--proto takes the path of a .proto file.") from error
    except OSError as error:
        raise SchemaError(f"{file} cannot be read: {error.strerror}.") from error
    if not stat.S_ISREG(mode):
        raise SchemaError(f"{file} is no file.", "--proto takes .proto files; --proto-path takes folders.")


def _arguments(files: Sequence[Path], imports: Imports) -> list[str]:
    """Absolute paths throughout: a path can then be no option, and protoc can tell which folder a file is in."""
    roots = (*imports.roots, *installed_folders())
    return [*(f"--proto_path={root}" for root in roots), *(str(file.resolve()) for file in files)]


def _missing(imports: Imports) -> SchemaError | None:
    """The import that was found nowhere, by the file and line that wants it; only asked when protoc has failed."""
    for name, file, line in imports.missing:
        folders = " or ".join(map(str, imports.roots))
        return SchemaError(f"{file}, line {line}, imports {name}, which is not there in {folders}.", _PATH_HINT)
    return None


async def _protoc(*arguments: str) -> str:
    """Run protoc; what it complains of, empty when it has done its work."""
    protoc = await spawn(sys.executable, "-P", "-m", "grpc_tools.protoc", *arguments, stdout=DEVNULL, stderr=PIPE)
    try:
        _, complaint = await protoc.communicate()
    finally:
        status = await end(protoc)
    if status == 0:
        return ""
    return _LOG_LINES.sub("", complaint.decode(errors="replace")).strip() or f"it ended with status {status}"
