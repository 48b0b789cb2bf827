"""Calls over TLS from the app: what the client says of them stands where the wire's account would."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager

import grpc
import pytest

from inspector.capture.source import Target
from inspector.client.options import PLAINTEXT, ConnectionOptions, Security
from inspector.schema.catalog import Catalog
from inspector.session import LiveSource, Session
from inspector.ui.launch import Launch
from inspector.ui.widgets.request_box import RequestBox
from sample_service import sample_pb2_grpc
from sample_service.tour import Tour
from tests.client.test_tls import Authority, pki
from tests.ui_running import NARROW, WIDE, Running, lines, running, text

pytestmark = pytest.mark.system

__all__ = ("pki",)


@contextmanager
def tour(pki: Authority, *, mutual: bool = False) -> Iterator[int]:
    """The tour over TLS; its port."""
    server = grpc.server(ThreadPoolExecutor(4))
    sample_pb2_grpc.add_TourServicer_to_server(Tour(), server)  # type: ignore[no-untyped-call]
    pair = pki["here.key"].read_bytes(), pki["here.pem"].read_bytes()
    roots = pki["ca.pem"].read_bytes() if mutual else None
    port = server.add_secure_port("localhost:0", grpc.ssl_server_credentials([pair], roots, mutual))
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()


@asynccontextmanager
async def attached(
    port: int, method: str, connection: ConnectionOptions, size: tuple[int, int] = WIDE
) -> AsyncIterator[Running]:
    target = Target("localhost", port)
    source = LiveSource(target, engine="tap")
    launch = Launch(
        lambda: Session(source), Catalog(), str(target), method=f"/sample.v1.Tour/{method}", connection=connection
    )
    async with running(launch, size) as run:
        yield run


def said(run: Running) -> str:
    return str(run.screen.query_one(RequestBox).border_subtitle)


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_a_call_is_told_by_the_client_where_the_user_looks(pki: Authority, size: tuple[int, int]) -> None:
    connection = ConnectionOptions(Security(pki["ca.pem"]))
    with tour(pki) as port:
        async with attached(port, "Chat", connection, size) as run:
            await run.until(lambda: "their frames cannot be read" in text(run.list))
            await run.type("Ada")
            await run.press("enter")
            await run.until(lambda: '"text": "You said: Ada"' in text(run.pane))
            assert run.focused == "request"
            await run.press_at_once("B", "o", "enter")
            await run.until(lambda: '"text": "You said: Bo"' in text(run.pane))
            await run.press("ctrl+d")
            await run.until(lambda: "← OK" in text(run.pane))
            assert "OK · 2 replies" in said(run)
            await run.press("escape", "f", "g")
            assert lines(run.pane)[0].strip().startswith("The call went over TLS")
            await run.press("v", "v", "g")
            assert "read as wire" in " ".join(text(run.pane).split())
            assert not run.session.store.frames


async def test_a_failure_has_its_details_and_trailers(pki: Authority) -> None:
    with tour(pki) as port:
        async with attached(port, "Fail", ConnectionOptions(Security(pki["ca.pem"]))) as run:
            await run.press("enter")
            await run.until(lambda: "← INVALID_ARGUMENT" in text(run.pane))
            await run.until(lambda: "BadRequest" in run.notice)
            shown = text(run.pane)
            assert "trailers" in shown
            assert "BadRequest" in shown
            assert "grpc-status-details-bin" not in shown


async def test_a_client_that_must_show_a_certificate(pki: Authority) -> None:
    with tour(pki, mutual=True) as port:
        mine = Security(pki["ca.pem"], pki["me.pem"], pki["me.key"])
        async with attached(port, "Sum", ConnectionOptions(mine)) as run:
            await run.type("4")
            await run.press("enter", "ctrl+d")
            await run.until(lambda: '"value": "4"' in text(run.pane) and "← OK" in text(run.pane))
        async with attached(port, "Sum", ConnectionOptions(Security(pki["ca.pem"]))) as run:
            await run.press("enter")
            await run.until(lambda: "It may require a client certificate" in run.notice)


async def test_plaintext_to_a_tls_port_and_the_reverse(pki: Authority) -> None:
    with tour(pki) as port:
        async with attached(port, "Echo", PLAINTEXT) as run:
            await run.press("enter")
            await run.until(lambda: "speaks TLS. The call was sent in plaintext" in run.notice.replace("\n", " "))
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("localhost:0")
    server.start()
    async with attached(port, "Echo", ConnectionOptions(Security())) as run:
        await run.press("enter")
        await run.until(lambda: "does not speak TLS" in run.notice)
    server.stop(None).wait()
