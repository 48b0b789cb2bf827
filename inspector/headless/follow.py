"""`follow`: prints one stream as text or as an HTML page, or saves its messages as files."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from inspector.errors import SourceError, UsageError
from inspector.headless.output import Output, say
from inspector.headless.runner import CommandRunner, Limits
from inspector.model.call import CallState, StreamKey
from inspector.model.secrets import Mask, Secrets
from inspector.present.export.text import follow_lines, follow_page, painted, step_lines, text_line
from inspector.present.follow import PRINTED, Follow, Shown
from inspector.schema.catalog import Catalog
from inspector.session import FileSource, Session
from inspector.session.export import save_messages
from inspector.store.store import Change, Store
from inspector.text import counted


class LiveSteps:
    """Prints the steps of one call as they come."""

    def __init__(self, store: Store, catalog: Catalog, key: StreamKey, output: Output, shown: Shown = PRINTED) -> None:
        """Print the heading; `shown` is how much of a message is printed."""
        self._call, self._output, self._shown = store.calls[key], output, shown
        self._view = Follow(store, catalog, key)
        self._printed = 0
        self._is_finished = False
        output.texts([painted(self._view.heading(), colour=output.in_colour)])

    def print_new(self) -> bool:
        """Print the new steps; return True if the call has ended and all of it is printed. Raises ReaderGone."""
        self._view.update()
        is_ended = self._call.state is not CallState.OPEN
        self._print(len(self._view) if is_ended else self._view.settled)
        return is_ended

    def finish(self) -> None:
        """Print the remaining steps and the notes on the whole call, once. Raises ReaderGone."""
        if self._is_finished:
            return
        self._is_finished = True
        self._view.update()
        self._print(len(self._view))
        colour = self._output.in_colour
        self._output.texts(text_line(note, colour=colour) for note in self._view.notes())

    def _print(self, end: int) -> None:
        dropped = self._view.dropped
        for step in self._view.steps(max(self._printed - dropped, 0), end, self._shown):
            self._output.texts(step_lines(step, colour=self._output.in_colour))
        self._printed = max(self._printed, dropped + end)


class StreamForm(NamedTuple):
    """What to make of a stream."""

    page: bool
    """True to print an HTML page."""
    messages: Path | None
    """The folder to save its messages in; None not to save them."""
    secrets: Secrets
    """The headers to mask in the page."""


async def export_stream(session: Session, catalog: Catalog, limits: Limits, key: StreamKey, form: StreamForm) -> int:
    """Print one stream as a page, save its messages in a folder, or both; return the exit status.

    Raises:
        SourceError: the capture has no such stream, or its messages cannot be saved.
    """
    run, store = CommandRunner(session, limits), session.store
    is_file = isinstance(session.source, FileSource)

    def on_change(_change: Change) -> None:
        call = store.calls.get(key)
        if not is_file and call is not None and call.state is not CallState.OPEN:
            run.enough()

    status = await run.until_done(on_change)
    if (call := store.calls.get(key)) is None:
        raise SourceError(f"There is no call on stream {key} in {session.source}.", "`calls SOURCE` lists them.")
    if form.messages is not None:
        say(await save_messages(call, form.messages))
    if form.page:
        mask = Mask(form.secrets)
        Output().texts(follow_page(Follow(store, catalog, key), mask))
        if mask.count:
            say(f"{counted(mask.count, 'secret')} masked; --show-secrets shows {'it' if mask.count == 1 else 'them'}.")
    return status


_MAX_LENGTH: Final = 40
"""Characters; `int` takes quadratic time for long numbers."""


def parse_stream(text: str) -> StreamKey:
    """Parse CONNECTION/STREAM, as in 0/1. Raises UsageError."""
    connection, slash, stream = text.partition("/")
    if not (slash and connection.isdecimal() and stream.isdecimal()) or len(text) > _MAX_LENGTH:
        raise UsageError(
            f"{text!r} does not name a stream.", "Write CONNECTION/STREAM, as in 0/1; `calls SOURCE` lists them."
        )
    return StreamKey(int(connection), int(stream))


async def print_stream(session: Session, catalog: Catalog, limits: Limits, key: StreamKey) -> int:
    """Print one stream of a session; return the exit status.

    Raises:
        SourceError: the capture has no such stream.
    """
    run, output, store = CommandRunner(session, limits), Output(), session.store
    steps: LiveSteps | None = None

    is_file = isinstance(session.source, FileSource)

    def on_change(change: Change) -> None:
        nonlocal steps
        if key not in store.calls or (is_file and steps is None and change.evicting is None):
            return
        if steps is None:
            steps = LiveSteps(store, catalog, key, output)
        if steps.print_new():
            run.enough()
        if key in (change.evicting or ()):
            steps.finish()

    status = await run.until_done(on_change)
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
        return "It contains no calls."
    return f"It contains {', '.join(keys[:10])}{', …' if len(keys) > 10 else ''}."
