"""`follow`: one stream as text, headers and messages in both directions.

A live stream is printed step by step, as its frames come, until its call ends; one of a file is printed whole, or step
by step before its frames have to make room for others.
"""

from __future__ import annotations

from typing import Final

from inspector.errors import SourceError, UsageError
from inspector.headless.live_steps import LiveSteps
from inspector.headless.output import Output
from inspector.headless.run import Limits, Run
from inspector.model.call import StreamKey
from inspector.schema.catalog import Catalog
from inspector.session import FileSource, Session
from inspector.store.change import Change
from inspector.views.as_text import follow_lines
from inspector.views.follow import Follow

_LONGEST: Final = 40
"""Characters of a stream's name."""


def parse_stream(text: str) -> StreamKey:
    """Read CONNECTION/STREAM, as in 0/1; raises UsageError."""
    connection, slash, stream = text.partition("/")
    if not (slash and connection.isdecimal() and stream.isdecimal()) or len(text) > _LONGEST:
        raise UsageError(f"{text!r} names no stream.", "Write CONNECTION/STREAM, as in 0/1; `calls SOURCE` lists them.")
    return StreamKey(int(connection), int(stream))


async def print_stream(session: Session, catalog: Catalog, limits: Limits, key: StreamKey) -> int:
    """Print one stream of a session; returns the exit status.

    Raises:
        SourceError: the capture has no such stream.
    """
    run, output, store = Run(session, limits), Output(), session.store
    steps: LiveSteps | None = None

    is_file = isinstance(session.source, FileSource)

    def tell(change: Change) -> None:
        nonlocal steps
        if key not in store.calls or (is_file and steps is None and change.leaving is None):
            return
        if steps is None:
            steps = LiveSteps(store, catalog, key, output)
        if steps.tell():
            run.enough()
        if key in (change.leaving or ()):
            steps.finish()

    status = await run.until_done(tell)
    if key not in store.calls and steps is None:
        raise SourceError(f"There is no call on stream {key} in {session.source}.", _streams_there(session))
    if steps is None:
        output.texts(follow_lines(Follow(store, catalog, key), colour=output.in_colour))
    else:
        steps.finish()
    return status


def _streams_there(session: Session) -> str:
    keys = [str(key) for key in session.store.calls]
    if not keys:
        return "There are no calls in it at all."
    return f"There are {', '.join(keys[:10])}{', …' if len(keys) > 10 else ''}."
