"""Schema and status details from real traffic, while a real client and service talk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from inspector.client.reflection import fetch
from inspector.client.sender import Sender
from inspector.present.export.json import call_object
from inspector.schema.catalog import Catalog
from inspector.session.schema import ORIGIN, ReflectionSniffer
from inspector.store.store import Store
from tests.captures import read_store
from tests.conftest import GreetProcess
from tests.tapped import tap_before

pytestmark = pytest.mark.system

INFO = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"


@pytest.fixture
def captured(greet: GreetProcess, tmp_path: Path) -> Callable[[Callable[[str], Awaitable[object]]], Awaitable[Store]]:
    """Does something with the service, through a tap, and gives what was captured of it."""

    async def capture(work: Callable[[str], Awaitable[object]]) -> Store:
        through = await tap_before(greet.port)
        try:
            await work(f"127.0.0.1:{through.port}")
        finally:
            recorded = await through.stop()
        path = tmp_path / "live.pcap"
        path.write_bytes(recorded)
        return await read_store(path)

    return capture


async def test_captured_reflection_types_later_messages(captured: Any) -> None:
    store = await captured(fetch)
    catalog = Catalog()
    assert ReflectionSniffer(store, catalog).update(store.everything())
    assert catalog.problems == []
    found = {path for path, method in catalog.methods.items() if method.origin == ORIGIN}
    assert {"/HelloWorld/greet", "/sample.v1.Tour/Fail"} <= found
    first: Any = call_object(store, catalog, next(iter(store.calls)))
    assert (first["method"], first["kind"]) == (INFO, "bidi_streaming")
    assert (first["requests"][0]["type"], first["requests"][0]["value"]) == (
        "ServerReflectionRequest",
        {"host": "", "list_services": ""},
    )


async def test_a_failure_with_details_of_a_real_service(captured: Any) -> None:
    async def fail(target: str) -> None:
        caller = Sender(target)
        await caller.unary("/sample.v1.Tour/Fail", b"")
        await caller.close()

    store = await captured(fail)
    told: Any = call_object(store, Catalog(), next(iter(store.calls)))
    assert told["status"]["name"] == "INVALID_ARGUMENT"
    assert [each["@type"].rpartition(".")[2] for each in told["status_details"]] == [
        "BadRequest",
        "ErrorInfo",
        "RetryInfo",
    ]
    assert told["status_details"][2]["retry_delay"] == "1.500s"
