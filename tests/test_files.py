"""A file or folder is complete or absent, however the program that writes it ends: even by a real kill -9."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest

from inspector import files
from inspector.errors import SourceError
from inspector.files import atomic_file, atomic_folder, save_folder, save_pieces, write_private
from tests.small_disk import disk_of

PATIENCE = 20.0
SAVING = """if True:
    import asyncio, itertools, sys
    from pathlib import Path
    from inspector import files
    from inspector.files import save_folder, save_pieces

    kind, path = sys.argv[1], Path(sys.argv[2])

    def report(number):
        if number == 20:
            print("writing", flush=True)

    async def pieces():
        for number in itertools.count():
            report(number)
            yield bytes(100_000)

    def numbered():
        for number in itertools.count():
            report(number)
            yield f"{number}.bin", bytes(1_000)

    if kind == "named":
        files._NAMELESS = None
    asyncio.run(save_folder(numbered(), path) if kind == "folder" else save_pieces(pieces(), path, overwrite=True))
"""


def names_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def wait_until_empty(folder: Path) -> None:
    """The guard, or the kernel, removes what is left, each at its own pace."""
    deadline = time.monotonic() + PATIENCE
    while found := names_in(folder):
        assert time.monotonic() < deadline, found
        time.sleep(0.01)


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def start_saving(kind: str, path: Path, started: list[subprocess.Popen[str]]) -> subprocess.Popen[str]:
    """A program that never comes to the end of a save; returns in the middle of it."""
    process = subprocess.Popen(
        [sys.executable, "-c", SAVING, kind, str(path)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    started.append(process)
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    return process


def guard_of(process: subprocess.Popen[str]) -> psutil.Process:
    (guard,) = psutil.Process(process.pid).children()
    assert "guard.py" in " ".join(guard.cmdline())
    return guard


@pytest.mark.parametrize("kind", ["nameless", "named", "folder"])
def test_a_killed_save_leaves_nothing(kind: str, tmp_path: Path, started: list[subprocess.Popen[str]]) -> None:
    process = start_saving(kind, tmp_path / "saved", started)
    if kind != "nameless":
        (part,) = names_in(tmp_path)
        assert part.startswith(f".saved.grpc-inspector-{process.pid}-")
    elif files._NAMELESS is not None:
        assert names_in(tmp_path) == []
    process.send_signal(signal.SIGKILL)
    wait_until_empty(tmp_path)


@pytest.mark.parametrize("kind", ["nameless", "named"])
def test_a_killed_save_keeps_the_old_file(kind: str, tmp_path: Path, started: list[subprocess.Popen[str]]) -> None:
    (tmp_path / "saved").write_text("before")
    process = start_saving(kind, tmp_path / "saved", started)
    process.send_signal(signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + PATIENCE
    while names_in(tmp_path) != ["saved"]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert (tmp_path / "saved").read_text() == "before"


def test_an_empty_folder_is_empty_again_when_the_save_into_it_is_killed(
    tmp_path: Path, started: list[subprocess.Popen[str]]
) -> None:
    (tmp_path / "saved").mkdir()
    process = start_saving("folder", tmp_path / "saved", started)
    assert len(names_in(tmp_path / "saved")) == 1  # nothing but the part is in it before it is whole
    process.send_signal(signal.SIGKILL)
    wait_until_empty(tmp_path / "saved")


@pytest.mark.parametrize("kind", ["named", "folder"])
def test_the_next_save_removes_what_the_guard_could_not(
    kind: str, tmp_path: Path, started: list[subprocess.Popen[str]]
) -> None:
    process = start_saving(kind, tmp_path / "saved", started)
    guard_of(process).kill()  # as when the power fails
    process.kill()
    process.wait()
    (part,) = names_in(tmp_path)
    living = start_saving(kind, tmp_path / "other", started)
    foreign = {".saved.a1b2c3d4.part", ".x.grpc-inspector-1-no.part"}
    for name in foreign:
        (tmp_path / name).touch()
    write_private(tmp_path / "new", b"x")
    left = set(names_in(tmp_path)) - foreign
    assert part not in left
    assert {name for name in left if name.startswith(".other.grpc-inspector-")} == left - {"new"}
    assert living.poll() is None
    assert foreign <= set(names_in(tmp_path))


@pytest.fixture(params=["nameless", "named"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With files that have no name, where there are any, and without."""
    if request.param == "named":
        monkeypatch.setattr(files, "_NAMELESS", None)


@pytest.mark.usefixtures("way")
def test_a_file_is_complete_private_and_overwrites_only_on_request(tmp_path: Path) -> None:
    path = tmp_path / ("é" * 100)  # 200 of the 255 bytes that a name may have
    write_private(path, b"one", overwrite=False)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(SourceError, match="exists already"):
        write_private(path, b"two", overwrite=False)
    assert path.read_bytes() == b"one"
    write_private(path, b"two")
    assert path.read_bytes() == b"two"
    assert names_in(tmp_path) == [path.name]


@pytest.mark.usefixtures("way")
def test_a_file_created_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    def write() -> None:
        with atomic_file(tmp_path / "a", overwrite=False) as descriptor:
            os.write(descriptor, b"ours")
            (tmp_path / "a").write_text("another's")

    with pytest.raises(FileExistsError):
        write()
    assert (tmp_path / "a").read_text() == "another's"
    assert names_in(tmp_path) == ["a"]


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield bytes(1_000)


@pytest.mark.usefixtures("way")
async def test_a_cancelled_save_leaves_nothing(tmp_path: Path) -> None:
    task = asyncio.create_task(save_pieces(endless(), tmp_path / "a"))
    for _ in range(100):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert names_in(tmp_path) == []


@pytest.mark.usefixtures("way")
async def test_a_save_on_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    with disk_of(10_000), pytest.raises(SourceError, match="cannot be saved: File too large"):
        await save_pieces(endless(), tmp_path / "a")
    assert names_in(tmp_path) == []


async def test_a_folder_is_complete_or_unchanged(tmp_path: Path) -> None:
    path, files = tmp_path / "messages", [("1", b"one"), ("2", bytes(20_000))]
    with disk_of(10_000), pytest.raises(SourceError, match="messages cannot be saved: File too large"):
        await save_folder(files, path)
    assert names_in(tmp_path) == []
    assert await save_folder(files, path) == 2
    assert names_in(tmp_path) == ["messages"]
    assert names_in(path) == ["1", "2"]
    assert {each.stat().st_mode & 0o777 for each in path.iterdir()} == {0o600}
    with pytest.raises(SourceError, match="is not empty"):
        await save_folder(files, path)
    (tmp_path / "file").touch()
    with pytest.raises(SourceError, match=r"The folder .*file cannot be created: Not a directory"):
        await save_folder(files, tmp_path / "file")
    with pytest.raises(SourceError, match="cannot be created: No such file"):
        await save_folder(files, tmp_path / "no" / "where")


async def test_an_empty_folder_stays_the_same_folder(tmp_path: Path) -> None:
    path = tmp_path / "messages"
    path.mkdir(0o750)
    before = path.stat().st_ino
    assert await save_folder([("1", b"one")], path) == 1
    assert (path.stat().st_ino, path.stat().st_mode & 0o777) == (before, 0o750)
    assert names_in(path) == ["1"]


def test_a_folder_filled_meanwhile_is_not_written_into(tmp_path: Path) -> None:
    def write(path: Path) -> None:
        with atomic_folder(path) as stage:
            for name in "123":
                (stage / name).write_text("ours")
            path.mkdir(exist_ok=True)
            (path / "3").write_text("another's")

    with pytest.raises(OSError, match="not empty"):
        write(tmp_path / "a")
    assert names_in(tmp_path / "a") == ["3"]
    (tmp_path / "b").mkdir()
    with pytest.raises(FileExistsError):
        write(tmp_path / "b")
    assert [(each.name, each.read_text()) for each in (tmp_path / "b").iterdir()] == [("3", "another's")]
    assert names_in(tmp_path) == ["a", "b"]


def test_a_symlink_named_like_a_part_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "1").touch()
    link = tmp_path / f".a.grpc-inspector-{2**22 + 1}-0123456789abcdef.part"
    link.symlink_to(tmp_path / "kept")
    write_private(tmp_path / "new", b"")
    assert names_in(tmp_path / "kept") == ["1"]
    assert link.is_symlink()


@pytest.mark.system
def test_a_capture_that_a_command_was_writing_when_it_was_killed_is_gone(
    tmp_path: Path, started: list[subprocess.Popen[str]]
) -> None:
    """`--write`, gzipped so that it takes its time."""
    source, folder = tmp_path / "big.pcap", tmp_path / "saved"
    folder.mkdir()
    record = bytes(8) + (65_000).to_bytes(4, "little") * 2 + os.urandom(65_000)
    with source.open("wb") as file:
        file.write(b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00" + bytes(8) + (262_144).to_bytes(4, "little") + b"\x93\0\0\0")
        file.writelines(record for _ in range(3_000))
    command = ["frames", str(source), "--write", str(folder / "saved.pcap.gz")]
    process = subprocess.Popen(
        [sys.executable, "-m", "inspector", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    started.append(process)
    children = psutil.Process(process.pid)
    deadline = time.monotonic() + 60
    while not any(each.path.startswith(str(folder)) for each in children.open_files()) and not is_nameless(
        process.pid, folder
    ):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    wait_until_empty(folder)


def is_nameless(pid: int, folder: Path) -> bool:
    """True while a process has a file open in a folder that has no name there; Linux says so."""
    for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
        try:
            if str(descriptor.readlink()).startswith(f"{folder}/#"):
                return True
        except OSError:
            continue
    return False
