"""The history over sessions: what was sent is there again, whatever else happens to the file."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from inspector.client.history_file import Entry, HistoryFile


def entry(number: int) -> Entry:
    return Entry("/a.B/C", (f'{{"n": {number}}}',), "localhost:1", (("x", "y"),), "OK", float(number))


def test_what_was_sent_is_there_again(tmp_path: Path) -> None:
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


def test_it_is_bounded(tmp_path: Path) -> None:
    history = HistoryFile(tmp_path / "h", most=10)
    for number in range(100):
        history.add(entry(number))
        assert len(history.path.read_bytes().splitlines()) <= 15
    assert history.read() == [entry(number) for number in range(90, 100)]
    assert not history.add(Entry("/a.B/C", ("x" * 100_000,)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["h", "h.lock"]


def test_large_entries_are_bounded_too(tmp_path: Path) -> None:
    history = HistoryFile(tmp_path / "h")
    for number in range(100):
        history.add(Entry("/a.B/C", ("x" * 60_000,), sent_at=float(number)))
    assert history.path.stat().st_size <= 4 * 1024 * 1024
    assert history.read()[-1].sent_at == 99.0


def test_programs_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    code = """if True:
        import sys
        from pathlib import Path
        from inspector.client.history_file import Entry, HistoryFile
        for number in range(200):
            HistoryFile(Path(sys.argv[1]), most=500).add(Entry(f"/a.B/{sys.argv[2]}", (str(number),)))
    """
    path = tmp_path / "h"
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in "CD"]
    assert [writer.wait() for writer in writers] == [0, 0]
    found = [(each.method, each.messages) for each in HistoryFile(path, most=500).read()]
    assert sorted(found) == sorted((f"/a.B/{name}", (str(number),)) for name in "CD" for number in range(200))


def test_where_nothing_can_be_written_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    history = HistoryFile(tmp_path / "file" / "h")
    assert not history.add(entry(1))
    assert history.read() == []


@given(st.binary())
def test_any_bytes_are_no_harm(data: bytes) -> None:

    with tempfile.TemporaryDirectory() as folder:
        history = HistoryFile(Path(folder) / "h")
        history.path.write_bytes(data)
        history.add(entry(1))
        assert history.read()[-1] == entry(1)
