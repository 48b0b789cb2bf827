"""`frames`: one line per HTTP/2 frame, as soon as it is decoded."""

from __future__ import annotations

from inspector.headless.output import Output
from inspector.headless.runner import CommandRunner, Limits, say_what_is_uncertain
from inspector.present.export.json import frame_object, json_line
from inspector.present.export.text import heading_line, row_line
from inspector.present.rows import FRAME_COLUMNS, frame_row
from inspector.present.times import Times
from inspector.schema.catalog import Catalog
from inspector.session import Session
from inspector.store.store import Change


async def print_frames(session: Session, catalog: Catalog, limits: Limits, *, as_json: bool) -> int:
    """Print every frame of a session, as JSON or as a table; returns the exit status."""
    run, output, store = CommandRunner(session, limits), Output(), session.store
    printed = 0

    def tell(change: Change) -> None:
        nonlocal printed
        positions = range(change.first_frame, change.end_frame)
        if limits.count is not None and printed + len(positions) >= limits.count:
            positions = positions[: limits.count - printed]
            run.enough()
        if as_json:
            output.lines(json_line(frame_object(store, position)) for position in positions)
        elif positions:
            times = Times.of(store)
            rows = (frame_row(store, catalog, position, times) for position in positions)
            output.texts([] if printed else [heading_line(FRAME_COLUMNS)])
            output.texts(row_line(FRAME_COLUMNS, row, colour=output.in_colour) for row in rows)
        printed += len(positions)

    try:
        return await run.until_done(tell)
    finally:
        say_what_is_uncertain(store, catalog)
