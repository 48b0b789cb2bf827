"""One capture, from its source to the store: how it is started, watched, stopped and saved."""

from inspector.capture.source import FileSource, LiveSource, Source, StdinSource, parse_source
from inspector.session.session import Session
from inspector.session.status import Completeness, Phase, SessionStatus

__all__ = [
    "Completeness",
    "FileSource",
    "LiveSource",
    "Phase",
    "Session",
    "SessionStatus",
    "Source",
    "StdinSource",
    "parse_source",
]
