"""Compiles .proto files to descriptors, with the protoc that comes with grpcio-tools.

protoc runs as a child process: it writes its errors where Python cannot catch them, and it may crash. What it finds
wrong is told in its own words.
"""

from __future__ import annotations

import re
import stat
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from inspector.children import end, spawn
from inspector.client.proto_imports import Imports, find_imports, installed_folders
from inspector.errors import SchemaError

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
