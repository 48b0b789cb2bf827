"""What the command line hands to the app: how to make a session, and whom to call.

Owns nothing and starts nothing. The app calls `make_session` once it is on the screen, so that nothing slow happens
before the first paint.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from inspector.schema.catalog import Catalog
from inspector.schema.greet import GREET_METHOD
from inspector.session import Session


@dataclass(frozen=True, slots=True)
class Launch:
    """One start of the app."""

    make_session: Callable[[], Session]
    catalog: Catalog
    target: str | None = None
    """HOST:PORT that the request box calls; None leaves the box out."""
    method: str = GREET_METHOD
    """The method that the request box calls."""
    prepare: Callable[[], Awaitable[str]] | None = None
    """Run at start, behind the screen: starts the service or finds one. Gives a sentence for the status line."""
    open_capture: Callable[[Path], Session] | None = None
    """Makes the session of a capture file that is opened from the app; None where that cannot be."""
