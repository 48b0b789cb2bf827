"""The column tables: what they print, and the versions by which drawn rows are cached."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pytest
from hypothesis import given

from inspector.present.columns import Column, ColumnTable, Printed, dim, usual_layout
from inspector.present.connections import CONNECTION_COLUMNS, connection_row
from inspector.present.export.text import heading_line, row_line
from inspector.present.latency import METHOD_COLUMNS
from inspector.present.packet import PACKET_COLUMNS
from inspector.present.rows import CALL_COLUMNS, FRAME_COLUMNS, call_row, frame_row
from inspector.present.times import Times
from inspector.schema.catalog import Catalog
from inspector.store.filters.syntax import parse
from tests.conversation import Conversation, SaidPacket, packets, say_all

CATALOG = Catalog()
TABLES = {
    "frames": FRAME_COLUMNS,
    "calls": CALL_COLUMNS,
    "packets": PACKET_COLUMNS,
    "connections": CONNECTION_COLUMNS,
    "methods": METHOD_COLUMNS,
}


def drawn(talk: Conversation) -> dict[Hashable, tuple[Hashable, list[object]]]:
    """The version of every row that there is, and its cells."""
    store = talk.store
    times = Times.of(store)
    found: dict[Hashable, tuple[Hashable, list[object]]] = {}

    def add(table: ColumnTable, key: Hashable, item: Any, row: object) -> None:
        found[id(table), key] = table.version(store, item), [column.cell(row) for column in table.columns]

    for position, frame in enumerate(store.frames):
        add(FRAME_COLUMNS, position, frame, frame_row(store, CATALOG, position, times))
    for key, call in store.calls.items():
        add(CALL_COLUMNS, key, call, call_row(store, CATALOG, key, times))
    for index in store.connections:
        add(CONNECTION_COLUMNS, index, index, connection_row(store, index, times))
    return found


@given(packets())
def test_a_row_that_looks_different_has_another_version(said: list[SaidPacket]) -> None:
    talk = Conversation()
    before: dict[Hashable, tuple[Hashable, list[object]]] = {}
    for packet in said:
        is_rewritten = any(change.rewritten for change in say_all(talk, [packet]))
        now = drawn(talk)
        if is_rewritten:
            before = {}  # the list then draws every row again
        for key, (version, cells) in before.items():
            assert version != now[key][0] or cells == now[key][1]
        before = now


def test_lines_keep_their_columns_apart_and_leave_out_what_is_empty() -> None:
    table = ColumnTable(
        Column("Name", lambda row: dim(row[0]), printed=Printed(6)),
        Column("Hidden", lambda _row: dim("hidden"), is_extra=True),
        Column("Size", lambda row: dim(row[1]), right=True, printed=Printed(5)),
        Column("Note", lambda row: dim(row[2]) if row[2] else (), printed=Printed(gap=" - ", label="<{}>")),
        printed=("Size", "Name", "Note"),
    )
    assert heading_line(table) == " Size  Name   - Note"
    assert row_line(table, ("one", 12, "x")) == "   12  one    - <x>"
    assert row_line(table, ("one", 12, "")) == "   12  one"
    assert row_line(table, ("one", 12, ""), colour=True) == "   \x1b[2m12\x1b[0m  \x1b[2mone\x1b[0m"
    assert usual_layout(table.columns) == (0, 2, 3)


@pytest.mark.parametrize("name", TABLES)
def test_titles_are_unique_as_they_name_columns_in_files(name: str) -> None:
    titles = [column.title for column in TABLES[name].columns]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("text", ["method:greet", "status:ok", "type:data", "stream:1"])
def test_a_filter_key_is_the_title_of_the_column_that_it_tests(text: str) -> None:
    titles = {column.title.lower() for table in (FRAME_COLUMNS, CALL_COLUMNS) for column in table.columns}
    assert parse(text).terms
    assert text.partition(":")[0] in titles
