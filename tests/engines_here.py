"""Whether this machine lets these tests capture, found out by doing it when the first test needs to know."""

from __future__ import annotations

import asyncio
from functools import cache

import pytest

from inspector.capture.engines.start import check_engines

needs_capture = pytest.mark.capture
"""For tests that need tcpdump and dumpcap to be allowed to capture on loopback."""


@cache
def refusals() -> str:
    """Return why tcpdump or dumpcap may not capture; empty when both may."""
    engines = asyncio.run(check_engines())
    return " ".join(each.text for each in engines if not each.is_allowed and each.engine != "tap")
