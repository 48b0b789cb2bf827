"""A few pictures of the whole screen. `pytest --snapshot-update` takes them anew, after a look at them."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from textual.pilot import Pilot

from inspector.schema.catalog import Catalog
from inspector.session import FileSource, Session
from inspector.ui.app import InspectorApp
from inspector.ui.launch import Launch
from tests.captures import DATA
from tests.ui_running import NARROW, WIDE

CAPTURE = DATA / "f_errors_node_node.pcapng"


@pytest.mark.parametrize(
    ("size", "keys"),
    [
        pytest.param(WIDE, "jj", id="wide"),
        pytest.param(NARROW, "jj", id="narrow-list"),
        pytest.param(NARROW, "jjf", id="narrow-follow"),
    ],
)
def test_looks_as_it_did(snap_compare: Any, monkeypatch: Any, size: tuple[int, int], keys: str) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    session = Session(FileSource(CAPTURE))
    asyncio.run(session.run())
    session.publisher.update(tshark="4.0.17")  # the pictures are of no version in particular
    app = InspectorApp(Launch(lambda: session, Catalog()))
    app.animation_level = "none"

    async def go(pilot: Pilot[int]) -> None:
        await pilot.press(*keys)
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=go)
