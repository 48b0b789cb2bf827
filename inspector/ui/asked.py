"""What is asked of Find."""

from __future__ import annotations

from typing import NamedTuple

from inspector.views.pattern import Kind, Where


class Asked(NamedTuple):
    """What is looked for, as it was typed."""

    text: str
    kind: Kind = Kind.TEXT
    where: Where = Where.ANYWHERE
