"""`follow --html` and `follow --messages`: one stream as a page, and its messages as files, once it has ended."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from inspector.errors import SourceError
from inspector.headless.output import Output, say
from inspector.headless.run import Limits, Run
from inspector.model.call import CallState, StreamKey
from inspector.model.secrets import Mask, Secrets
from inspector.schema.catalog import Catalog
from inspector.session import FileSource, Session
from inspector.session.messages import save_messages
from inspector.store.change import Change
from inspector.views.as_html import follow_page
from inspector.views.follow import Follow
from inspector.views.text import counted


class StreamForm(NamedTuple):
    """What is made of the stream."""

    page: bool
    """True for a page on standard output."""
    messages: Path | None
    """The folder for its messages; None where they are not saved."""
    secrets: Secrets
    """What is masked in the page."""


async def export_stream(session: Session, catalog: Catalog, limits: Limits, key: StreamKey, form: StreamForm) -> int:
    """Print one stream as a page, save its messages in a folder, or both; returns the exit status.

    Raises:
        SourceError: the capture has no such stream, or its messages cannot be saved.
    """
    run, store = Run(session, limits), session.store
    is_file = isinstance(session.source, FileSource)

    def look(_change: Change) -> None:
        call = store.calls.get(key)
        if not is_file and call is not None and call.state is not CallState.OPEN:
            run.enough()

    status = await run.until_done(look)
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
