"""Whether this machine lets these tests capture: found out by doing it, once."""

from __future__ import annotations

import asyncio

import pytest

from inspector.capture.engines.start import check_engines


def _refusals() -> str:
    engines = asyncio.run(check_engines())
    return " ".join(each.text for each in engines if not each.is_allowed and each.engine != "tap")


_refused = _refusals()
needs_capture = pytest.mark.skipif(bool(_refused), reason=_refused)
"""For tests that need tcpdump and dumpcap to be allowed to capture on loopback."""
