"""What the command line hands to the app: how to make a session, and whom to call.

Owns nothing and starts nothing. The app calls `make_session` once it is on the screen, so that nothing slow happens
before the first paint.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from inspector.capture.left_captures import LeftCapture
from inspector.client.history import HistoryFile
from inspector.client.options import PLAINTEXT, ConnectionOptions
from inspector.model.secrets import Secrets
from inspector.schema.catalog import GREET_METHOD, Catalog
from inspector.session import Session
from inspector.session.schema import SchemaSources
from inspector.ui.dialogs.export import SecretSwitch
from inspector.ui.draft import Draft
from inspector.ui.history import RequestHistory


@dataclass(frozen=True, slots=True)
class Launch:
    """One start of the app."""

    make_session: Callable[[], Session]
    catalog: Catalog
    target: str | None = None
    """HOST:PORT that the request box calls; None leaves the box out."""
    method: str = GREET_METHOD
    """The method that the request box begins with, unless the service's own schema is found not to have it."""
    prepare: Callable[[], Awaitable[str]] | None = None
    """Run at start, behind the screen: starts the service or finds one. Gives a sentence for the status line."""
    open_capture: Callable[[Path], Session] | None = None
    """Makes the session of a capture file that is opened from the app; None where that cannot be."""
    open_left: Callable[[LeftCapture], Session] | None = None
    """Makes the session of a capture that a killed run has left; None where none is offered."""
    connection: ConnectionOptions = PLAINTEXT
    """How the service is reached."""
    schema: SchemaSources = SchemaSources()  # noqa: RUF009 - frozen
    """Where the schema is read from again when that is asked for; `prepare` has read it for the first time."""
    history: HistoryFile | None = None
    """Where what is sent is kept for later sessions; None to keep it only while the app runs."""
    requests: RequestHistory | None = None
    """The history as all captures of the app share it; None to make one of `history`."""
    draft: Draft | None = None
    """What stood in the request box before the capture was decoded anew."""
    secrets: SecretSwitch = field(default_factory=lambda: SecretSwitch(Secrets()))
    """What copies and exports mask, in all captures of the app."""
