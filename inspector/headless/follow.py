"""`follow`: one stream as text, headers and messages in both directions.

A live stream is printed step by step, as its frames come, until its call ends; one of a file is printed whole.
"""

from __future__ import annotations

from inspector.errors import SourceError, UsageError
from inspector.headless.output import Output
from inspector.headless.run import Limits, Run
from inspector.model.call import CallState, StreamKey
from inspector.schema.catalog import Catalog
from inspector.session import FileSource, Session
from inspector.store.change import Change
from inspector.views.as_text import follow_lines, painted, step_lines
from inspector.views.follow import Follow


def parse_stream(text: str) -> StreamKey:
    """Read CONNECTION/STREAM, as in 0/1; raises UsageError."""
    connection, slash, stream = text.partition("/")
    if not (slash and connection.isdecimal() and stream.isdecimal()):
        raise UsageError(f"{text!r} names no stream.", "Write CONNECTION/STREAM, as in 0/1; `calls SOURCE` lists them.")
    return StreamKey(int(connection), int(stream))


async def print_stream(session: Session, catalog: Catalog, limits: Limits, key: StreamKey) -> int:
    """Print one stream of a session; returns the exit status.

    Raises:
        SourceError: the capture has no such stream.
    """
    run, output, store = Run(session, limits), Output(), session.store
    view: Follow | None = None
    printed = 0

    def tell(_change: Change) -> None:
        nonlocal view, printed
        if key not in store.calls:
            return
        if view is None:
            view = Follow(store, catalog, key)
            output.texts([painted(view.heading(), colour=output.in_colour)])
        view.update()
        # The last step may still grow, as a message of which only a part has come.
        is_over = store.calls[key].state is not CallState.OPEN
        end = len(view) if is_over else max(len(view) - 1, printed)
        for step in view.steps(printed, end):
            output.texts(step_lines(step, colour=output.in_colour))
        printed = end
        if is_over:
            run.enough()

    status = await run.until_done((lambda _change: None) if isinstance(session.source, FileSource) else tell)
    if key not in store.calls:
        raise SourceError(f"There is no call on stream {key} in {session.source}.", _streams_there(session))
    if view is None:
        output.texts(follow_lines(Follow(store, catalog, key), colour=output.in_colour))
    else:
        for step in view.steps(printed):
            output.texts(step_lines(step, colour=output.in_colour))
    return status


def _streams_there(session: Session) -> str:
    keys = [str(key) for key in session.store.calls]
    if not keys:
        return "There are no calls in it at all."
    return f"There are {', '.join(keys[:10])}{', …' if len(keys) > 10 else ''}."
