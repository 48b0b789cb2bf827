"""Compiles .proto files to descriptors, with the protoc that comes with grpcio-tools.

protoc runs as a child process: it writes its errors where Python cannot catch them, and it may crash. What it finds
wrong is told in its own words.
"""

from __future__ import annotations

import importlib.util
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from inspector.children import end, spawn
from inspector.errors import SchemaError

_PATH_HINT: Final = "--proto-path names the folder that its imports start from."


async def compile_files(files: Sequence[Path], folders: Sequence[Path] = ()) -> FileDescriptorSet:
    """The descriptors of .proto files and of all that they import, imports first.

    `folders` are where imports are looked for, in their order; a file in none of them adds its own folder. The
    well-known types and Google's common ones are always found. Raises SchemaError.
    """
    for file in files:
        _check(file)
    with TemporaryDirectory(prefix="grpc-inspector-") as folder:
        output = Path(folder) / "files.pb"
        await _protoc(*_arguments(files, folders), f"--descriptor_set_out={output}", "--include_imports")
        return FileDescriptorSet.FromString(output.read_bytes())


def _check(file: Path) -> None:
    if not file.exists():
        raise SchemaError(f"There is no file {file}.", "--proto takes the path of a .proto file.")
    if not file.is_file():
        raise SchemaError(f"{file} is no file.", "--proto takes .proto files; --proto-path takes folders.")


def _arguments(files: Sequence[Path], folders: Sequence[Path]) -> list[str]:
    """Absolute paths throughout: a path can then be no option, and protoc can tell which folder a file is in."""
    resolved = [file.resolve() for file in files]
    roots = [folder.resolve() for folder in folders]
    for file in resolved:
        if not any(file.is_relative_to(root) for root in roots):
            roots.append(file.parent)
    return [*(f"--proto_path={root}" for root in (*roots, *_common_types())), *map(str, resolved)]


def _common_types() -> tuple[Path, ...]:
    """The folder in which `google/api/annotations.proto` and its like are installed."""
    spec = importlib.util.find_spec("google.api.annotations_pb2")
    return () if spec is None or spec.origin is None else (Path(spec.origin).parents[2],)


async def _protoc(*arguments: str) -> None:
    protoc = await spawn(sys.executable, "-P", "-m", "grpc_tools.protoc", *arguments, stdout=DEVNULL, stderr=PIPE)
    try:
        _, complaint = await protoc.communicate()
    finally:
        status = await end(protoc)
    if status != 0:
        words = complaint.decode(errors="replace").strip() or f"it ended with status {status}"
        raise SchemaError(f"protoc: {words}", _PATH_HINT if "not found" in words else "")
