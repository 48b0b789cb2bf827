"""The request history across sessions, whatever happens to its file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.client.history import HistoryEntry, HistoryFile
from inspector.client.options import CallSettings
from inspector.errors import SourceError
from inspector.model.secrets import DEFAULT_NAMES, Secrets
from inspector.ui.draft import Draft, draft_of


def entry(number: int) -> HistoryEntry:
    return HistoryEntry("/a.B/C", (f'{{"n": {number}}}',), "localhost:1", (("x", "y"),), "OK", float(number))


def test_entries_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "state" / "history.jsonl"
    sent = [entry(number) for number in range(5)]
    assert HistoryFile(path).read() == []
    assert all(map(HistoryFile(path).add, sent))
    assert HistoryFile(path).read() == sent
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_damaged_line_is_skipped(tmp_path: Path) -> None:
    history = HistoryFile(tmp_path / "h")
    history.add(entry(1))
    with history.path.open("ab") as file:
        file.write(b'\xff\xfe\n{"method": 3}\n[]\n\n{"method": "/a.B/C", "mess')  # and a program that was ended
    history.add(entry(2))
    assert history.read() == [entry(1), entry(2)]


def test_the_number_of_entries_is_bounded(tmp_path: Path) -> None:
    history = HistoryFile(tmp_path / "h", most=10)
    for number in range(100):
        history.add(entry(number))
        assert len(history.path.read_bytes().splitlines()) <= 15
    assert history.read() == [entry(number) for number in range(90, 100)]
    assert not history.add(HistoryEntry("/a.B/C", ("x" * 100_000,)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["h", "h.lock"]


def test_the_size_is_bounded(tmp_path: Path) -> None:
    history = HistoryFile(tmp_path / "h")
    for number in range(100):
        history.add(HistoryEntry("/a.B/C", ("x" * 60_000,), sent_at=float(number)))
    assert history.path.stat().st_size <= 4 * 1024 * 1024
    assert history.read()[-1].sent_at == 99.0


def test_concurrent_writers_lose_no_entry(tmp_path: Path) -> None:
    code = """if True:
        import sys
        from pathlib import Path
        from inspector.client.history import HistoryEntry, HistoryFile
        for number in range(200):
            HistoryFile(Path(sys.argv[1]), most=500).add(HistoryEntry(f"/a.B/{sys.argv[2]}", (str(number),)))
    """
    path = tmp_path / "h"
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in "CD"]
    assert [writer.wait() for writer in writers] == [0, 0]
    found = [(each.method, each.messages) for each in HistoryFile(path, most=500).read()]
    assert sorted(found) == sorted((f"/a.B/{name}", (str(number),)) for name in "CD" for number in range(200))


def test_an_unwritable_folder_disables_the_history(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    history = HistoryFile(tmp_path / "file" / "h")
    assert not history.add(entry(1))
    assert history.read() == []


@given(st.binary())
def test_arbitrary_bytes_never_raise(data: bytes) -> None:

    with tempfile.TemporaryDirectory() as folder:
        history = HistoryFile(Path(folder) / "h")
        history.path.write_bytes(data)
        history.add(entry(1))
        assert history.read()[-1] == entry(1)


TOKEN = "QJXZ-0123456789"
SECRET = HistoryEntry(
    "/a.B/C",
    ("x",),
    "localhost:1",
    (("authorization", f"Bearer {TOKEN}"), ("x-api-key", TOKEN), ("x-key-bin", "UUpYWg=="), ("trace", "1")),
)
NAMES = Secrets(DEFAULT_NAMES | {"x-api-key", "x-key-bin"})


def test_secrets_are_masked_before_they_are_written(tmp_path: Path) -> None:
    history = HistoryFile(tmp_path / "h", secrets=NAMES)
    assert history.add(SECRET)
    written = json.loads(history.path.read_text())
    assert written["metadata"] == [
        ["authorization", "Bearer ***"],
        ["x-api-key", "***"],
        ["x-key-bin", "***"],
        ["trace", "1"],
    ]
    assert written["masked"] == ["authorization", "x-api-key", "x-key-bin"]
    (entry,) = HistoryFile(history.path).read()  # without the option, what is masked is known to be
    assert draft_of(entry) == Draft(
        "/a.B/C",
        "x",
        CallSettings(
            (("authorization", "Bearer "), ("x-api-key", ""), ("x-key-bin", b""), ("trace", "1")),
            masked=("authorization", "x-api-key", "x-key-bin"),
        ),
    )


def test_secrets_are_written_in_clear_with_show_secrets(tmp_path: Path) -> None:
    history = HistoryFile(tmp_path / "h", secrets=Secrets(are_shown=True))
    history.add(SECRET)
    assert history.read() == [SECRET]
    assert TOKEN in history.path.read_text()


def test_secrets_in_clear_are_masked_on_reading(tmp_path: Path) -> None:
    path = tmp_path / "h"
    torn = msgspec.json.encode(SECRET)[:-5]
    other = b'{"method": "/a.B/C", "messages": ["2"], "sent_at": 1}'
    path.write_bytes(b"\n".join((msgspec.json.encode(SECRET), other, torn, b"")))
    before = path.stat().st_ino
    first, second = HistoryFile(path, secrets=NAMES).read()
    assert (first.masked, second.messages) == (("authorization", "x-api-key", "x-key-bin"), ("2",))
    assert TOKEN not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_ino != before  # it was written beside it, and took its place
    assert HistoryFile(path).read() == [first, second]
    again = path.stat().st_ino
    HistoryFile(path, secrets=NAMES).read()
    assert path.stat().st_ino == again  # nothing is left to be masked
    assert sorted(each.name for each in tmp_path.iterdir()) == ["h", "h.lock"]


def test_show_secrets_leaves_a_history_in_clear_alone(tmp_path: Path) -> None:
    path = tmp_path / "h"
    path.write_bytes(msgspec.json.encode(SECRET) + b"\n")
    assert HistoryFile(path, secrets=Secrets(are_shown=True)).read() == [SECRET]
    assert TOKEN in path.read_text()


def test_temporary_files_of_earlier_versions_are_removed(tmp_path: Path) -> None:
    path, old, new = tmp_path / "h", tmp_path / ".history-abc", tmp_path / ".history-def"
    path.write_bytes(msgspec.json.encode(SECRET) + b"\n")
    for part in (old, new):
        part.write_text(TOKEN)
    os.utime(old, (time.time() - 3600,) * 2)
    HistoryFile(path).read()
    assert (old.exists(), new.exists()) == (False, True)  # a living program may be writing the other


def test_clearing_removes_the_lock_and_temporary_files(tmp_path: Path) -> None:
    path, alias = tmp_path / "state" / "h", tmp_path / "alias"
    history = HistoryFile(path)
    history.add(entry(1))
    alias.hardlink_to(path)
    (path.parent / ".history-abc").write_text("half")
    (path.parent / f".h.grpc-inspector-{2**22 + 1}-0123456789abcdef.part").write_text("half")
    (path.parent / "filters").write_text("another's")
    history.clear()
    assert [each.name for each in path.parent.iterdir()] == ["filters"]
    assert alias.read_bytes() == b""
    assert history.read() == []
    history.clear()  # nothing is there to be cleared
    assert history.add(entry(2))
    assert history.read() == [entry(2)]


def test_a_history_that_cannot_be_deleted_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "h").mkdir()
    with pytest.raises(SourceError, match=r"The request history .*/h cannot be deleted: Is a directory"):
        HistoryFile(tmp_path / "h").clear()


def test_clearing_loses_no_entry_that_is_written_afterwards(tmp_path: Path) -> None:
    code = """if True:
        import sys
        from pathlib import Path
        from inspector.client.history import HistoryEntry, HistoryFile
        for number in range(300):
            HistoryFile(Path(sys.argv[1]), most=1000).add(HistoryEntry("/a.B/C", (str(number),)))
    """
    path = tmp_path / "h"
    writer = subprocess.Popen([sys.executable, "-c", code, str(path)])
    cleared = 0
    while writer.poll() is None:
        HistoryFile(path).clear()
        cleared += 1
    assert writer.wait() == 0
    assert cleared > 1
    numbers = [int(each.messages[0]) for each in HistoryFile(path, most=1000).read()]
    assert numbers == sorted(numbers)  # each line whole, in its order
