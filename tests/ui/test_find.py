"""Find in lists and in the right pane of real captures: texts, regular expressions, bytes; by keys and by mouse."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from inspector.errors import PatternError
from inspector.present.find import FrameFind, Kind, Where, parse_pattern
from inspector.schema.catalog import Catalog
from inspector.session import FileSource, Session
from inspector.ui.feed import Feed
from inspector.ui.launch import Launch
from inspector.ui.lists.frames import FrameRows
from inspector.ui.lists.listing import CALLS
from inspector.ui.search import RowsScope, Search, SearchPosition
from inspector.ui.widgets.find_bar import FindBar
from tests.captures import DATA, read_store
from tests.ui_running import NARROW, WIDE, Running, lines, opened, running, text

CAPTURE = DATA / "b_full.pcapng"
SIZES = pytest.mark.parametrize("size", [WIDE, NARROW])


def bar(run: Running) -> FindBar:
    return run.screen.query_one(FindBar)


def said(run: Running) -> str:
    return str(bar(run).query_one("#find-said").content)  # type: ignore[attr-defined]


async def find(run: Running, wanted: str) -> None:
    await run.press("ctrl+f")
    bar(run).input.value = wanted


@pytest.mark.system
@SIZES
async def test_the_first_hit_is_shown_while_typing_and_n_wraps_around(size: tuple[int, int]) -> None:
    async with opened(CAPTURE, size=size) as run:
        await run.press("ctrl+f")
        assert run.focused == "find-text"
        await run.type("cpp7")
        await run.until(lambda: said(run) == "1 of 2")
        assert '"cpp7"' in lines(run.frames)[1 + run.frames.cursor.row - run.frames.scroll_offset.y]
        await run.press("enter")
        assert run.focused == "frames"
        first = run.frames.cursor.row
        await run.press("n")
        assert said(run) == "2 of 2"
        assert run.frames.cursor.row > first
        await run.press("n")
        assert (said(run), run.frames.cursor.row) == ("1 of 2", first)
        await run.press("N")
        assert said(run) == "2 of 2"
        await run.press("escape")
        assert not bar(run).display


@pytest.mark.system
async def test_n_visits_the_matches_of_the_filter_when_no_search_runs() -> None:
    async with opened(CAPTURE) as run:
        await find(run, "cpp7")
        await run.until(lambda: said(run) == "1 of 2")
        await run.press("escape", "g", "n")
        assert run.frames.cursor.row == 1


@pytest.mark.system
async def test_home_and_end_move_the_cursor_in_the_text() -> None:
    async with opened(CAPTURE) as run:
        await find(run, "cpp7")
        await run.press("home")
        assert bar(run).input.cursor_position == 0
        await run.press("end")
        assert bar(run).input.cursor_position == 4
        assert bar(run).display


@pytest.mark.system
async def test_a_search_begins_at_the_cursor() -> None:
    async with opened(CAPTURE) as run:
        await run.press("G")
        await find(run, "cpp")
        await run.until(lambda: said(run).startswith("1 of ") and "searching" not in said(run))
        assert run.frames.cursor.row < 5
        await run.press("escape", "j", "j", "j", "j", "j", "j", "j")
        here = run.frames.cursor.row
        await find(run, "hello cpp")
        await run.until(lambda: said(run).startswith("2 of ") and "searching" not in said(run))
        assert run.frames.cursor.row >= here


@pytest.mark.system
async def test_regular_expressions_and_bytes_and_their_errors() -> None:
    async with opened(CAPTURE) as run:
        await run.press("ctrl+f", "ctrl+f")
        bar(run).input.value = "cpp[2-4]\\b"
        await run.until(lambda: said(run) == "1 of 6")
        bar(run).input.value = "cpp[2"
        await run.until(lambda: "not a regular expression: unterminated character set at position" in said(run))
        assert bar(run).has_class("-faulty")
        bar(run).input.value = r"^(.|..|...)+\d$"  # it would be at the first row for years
        await run.until(lambda: "takes too long" in said(run))
        assert bar(run).has_class("-faulty")
        await run.press("ctrl+f")
        bar(run).input.value = "63 70 70 37"
        await run.until(lambda: said(run) == "1 of 2")
        bar(run).input.value = "63 7"
        await run.until(lambda: "one is missing" in said(run))
        bar(run).input.value = "6x"
        await run.until(lambda: "'x' is not a hex digit" in said(run))
        bar(run).input.value = "fefefefefefe"
        await run.until(lambda: said(run) == "not found")


@pytest.mark.system
async def test_the_place_to_search_is_changed_by_keys_and_by_mouse() -> None:
    async with opened(CAPTURE) as run:
        await find(run, "x-request-id: req-7")
        await run.until(lambda: said(run) == "1 of 1")
        await run.press("down")
        await run.until(lambda: said(run) == "not found")
        await run.press("down")
        await run.until(lambda: said(run) == "1 of 1")
        await run.pilot.click("#find-where")
        await run.until(lambda: said(run) == "not found")
        assert str(bar(run).query_one("#find-where").content) == "messages"  # type: ignore[attr-defined]
        await run.pilot.click("#find-kind")
        await run.until(lambda: str(bar(run).query_one("#find-kind").content) == "regex")  # type: ignore[attr-defined]


@pytest.mark.system
async def test_calls_are_found_by_what_is_in_their_frames() -> None:
    async with opened(CAPTURE) as run:
        await run.press("left")
        assert run.list.id == CALLS
        await find(run, "hello cpp7")
        await run.until(lambda: said(run) == "1 of 1")
        assert str(run.list.cursor.key) == "0/15"
        await run.press("enter", "right", "n")
        await run.until(lambda: said(run) == "1 of 1")
        assert "Hello cpp7" in lines(run.frames)[1 + run.frames.cursor.row - run.frames.scroll_offset.y]


@pytest.mark.system
@SIZES
async def test_lines_of_the_right_pane_are_found(size: tuple[int, int]) -> None:
    async with opened(CAPTURE, size=size) as run:
        await run.press("f")
        await find(run, "grpc-")
        await run.until(lambda: said(run).startswith("1 of "))
        assert "grpc-accept-encoding" in lines(run.pane)[run.pane.viewport.cursor - run.pane.scroll_offset.y]
        await run.press("enter")
        assert run.focused == "follow-pane"
        await run.press("N")
        last = lines(run.pane)[run.pane.viewport.cursor - run.pane.scroll_offset.y]
        assert "grpc-message" in last or "grpc-status" in last
        await run.press("escape", "escape")
        assert run.focused == "frames"


@pytest.mark.system
async def test_another_filter_restarts_the_search() -> None:
    async with opened(CAPTURE) as run:
        await find(run, "hello cpp")
        await run.until(lambda: " of " in said(run) and "searching" not in said(run))
        await run.press("enter", "slash")
        await run.type("stream:15")
        await run.until(lambda: run.frames.count == 5)
        await run.press("enter", "n")
        await run.until(lambda: said(run) == "1 of 1")


@pytest.mark.system
async def test_a_search_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    holds = FrameFind.holds

    def slowly(look: FrameFind, position: int) -> bool:
        time.sleep(0.005)  # as if the capture were a hundred times as long
        return holds(look, position)

    monkeypatch.setattr(FrameFind, "holds", slowly)
    async with opened(CAPTURE) as run:
        await find(run, "no such thing anywhere")
        await run.until(lambda: "searching" in said(run))
        await run.press("escape")
        assert "stopped at" in said(run)
        await run.press("escape")
        assert not bar(run).display


@pytest.mark.system
async def test_units_added_later_are_searched_too() -> None:
    store = await read_store(CAPTURE)
    look = FrameFind(store, Catalog(), parse_pattern("cpp", Kind.TEXT), Where.BYTES)

    class Growing:
        size = 100

        def __len__(self) -> int:
            return self.size

        def find_in(self, unit: int) -> list[int]:
            return [unit] if look.holds(unit) else []

        def place(self, hit: int) -> SearchPosition:
            return SearchPosition(hit)

        def holds(self, hit: int) -> bool:
            return hit < self.size

    scope = Growing()
    search = Search(scope, 40)
    for number, _ in enumerate(search.steps()):
        if number == 70:  # units change while it looks
            search.changed_from(20)
            scope.size = 300
    search.changed_from(250)
    scope.size = len(store.frames)
    for _ in search.steps():
        pass
    found: list[int] = []
    here = SearchPosition(0, -1)
    while len(found) < len(search):
        found.append(int(search.next(here, 1) or 0))
        here = SearchPosition(found[-1])
    assert found == [position for position in range(len(store.frames)) if look.holds(position)]
    assert len(found) > 50


@pytest.mark.system
@pytest.mark.parametrize("start", [0, 25, 60])
async def test_a_search_continues_while_units_are_evicted(start: int) -> None:
    store, pattern = await read_store(CAPTURE), parse_pattern("cpp", Kind.TEXT)
    feed = Feed(store, lambda: None)
    space = RowsScope(FrameRows(feed, Catalog()), store, Catalog(), pattern, Where.BYTES)
    search = Search(space, start)
    for number, _ in enumerate(search.steps()):
        if number % 5 == 4:
            feed.receive(store.evict(3))
            feed.pop_change()
            assert feed.rows is not None
            search.dropped(feed.rows.left)
            search.changed_from(feed.rows.first_row)
    feed.close()
    look = FrameFind(store, Catalog(), pattern, Where.BYTES)
    left = [position for position in feed.frames.positions if look.holds(position)]
    visited = [search.next(SearchPosition(row - 1), 1) for row in map(feed.frames.nearest_row, left)]
    assert visited == left
    assert len(search) == len(left) > 10


@pytest.mark.parametrize("wanted", ["0a05", "0x0a05", "0A 05", "0a:05", "\\x0a\\x05"])
def test_bytes_can_be_written_in_many_ways(wanted: str) -> None:
    assert parse_pattern(wanted, Kind.HEX).in_bytes(b"..\x0a\x05..")


@pytest.mark.parametrize(
    "wanted", ["(", "a{9999999999}", "((a{1000}){1000}){1000}", "(?P<x", "(a)\\2", "(" * 5_000 + ")" * 5_000]
)
def test_the_error_of_a_regular_expression_is_a_sentence(wanted: str) -> None:
    with pytest.raises(PatternError, match=r"[Rr]egular expression.*\.$"):
        parse_pattern(wanted, Kind.REGEX)


@pytest.mark.parametrize("wanted", ["(.*a){20}$", "^(a|aa)+$"])
def test_slow_regular_expressions_are_refused(wanted: str) -> None:
    pattern, text = parse_pattern(wanted, Kind.REGEX), "a" * 100_000 + "!"
    with pytest.raises(PatternError, match="takes too long"):
        pattern.in_text(text)
    with pytest.raises(PatternError, match="takes too long"):
        pattern.in_bytes(text.encode())
    assert pattern.shown.spans(text) == []


def test_regular_expressions_match_all_letters_and_all_bytes() -> None:
    found = parse_pattern("(?:GR)ÜẞE+|x", Kind.REGEX)
    assert found.in_text("viele grüßeee")
    assert found.in_bytes("viele grüßeee".encode())
    assert found.shown.spans("é grüße X") == [(2, 7), (8, 9)]
    assert parse_pattern(r"\xff.wor.d", Kind.REGEX).in_bytes(b"..\xff\x00World")


@pytest.mark.system
async def test_a_live_session_is_searched_too(tmp_path: Path) -> None:
    """A file that is still being read: what comes behind the cursor is found as it comes."""
    launch = Launch(lambda: Session(FileSource(CAPTURE)), Catalog())
    async with running(launch) as run:
        await find(run, "cpp7")
        await run.until(lambda: said(run) == "1 of 2")
        assert "cpp7" in text(run.frames)
