"""The parameters of the app, as the command line sets them.

`make_session` and `prepare` are called after the first paint, which nothing slow may delay.
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
    """The parameters of the app."""

    make_session: Callable[[], Session]
    catalog: Catalog
    target: str | None = None
    """HOST:PORT that the request box calls; None for no request box."""
    method: str = GREET_METHOD
    """The first method in the request box, unless the service's schema turns out not to have it."""
    prepare: Callable[[], Awaitable[str]] | None = None
    """Start or find the service and load its schema, in the background. Return a sentence for the notice, or ""."""
    open_capture: Callable[[Path], Session] | None = None
    """Return the session of a capture file that is opened from the app; None if that is not possible."""
    open_left: Callable[[LeftCapture], Session] | None = None
    """Return the session of a capture that a killed run has left; None to offer none."""
    connection: ConnectionOptions = PLAINTEXT
    """How to connect to the service."""
    schema: SchemaSources = SchemaSources()  # noqa: RUF009 - frozen
    """Where to reload the schema from; `prepare` loads it first."""
    history: HistoryFile | None = None
    """The file of the request history; None to keep it only while the app runs."""
    requests: RequestHistory | None = None
    """The history that all captures of the app share; None to create one from `history`."""
    draft: Draft | None = None
    """What was in the request box before the capture was decoded in another way."""
    secrets: SecretSwitch = field(default_factory=lambda: SecretSwitch(Secrets()))
    """What copies and exports mask, shared by all captures of the app."""
