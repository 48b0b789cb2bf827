"""Why a call failed: one sentence, and the frames that prove it."""

from inspector.views.why.rules import why

__all__ = ["why"]
