"""Why a call failed: one sentence, and the frames that prove it."""

from inspector.views.why.rules import problems_beside, why

__all__ = ["problems_beside", "why"]
