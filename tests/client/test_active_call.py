"""Active calls of all four kinds, against the sample service and services that the tests define."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from inspector.client.active_call import ActiveCall
from inspector.client.options import CallSettings, ConnectionOptions
from inspector.client.sender import Sender
from inspector.errors import RequestError
from inspector.model.call import CallKind
from inspector.schema.catalog import Catalog
from sample_service.sample_pb2 import CountRequest, FailRequest, Line, Number, SleepRequest, Things, Total
from tests.conftest import GreetProcess

TOUR = "/sample.v1.Tour/"
SLOWLY = CountRequest(to=1_000_000, pause={"nanos": 1_000_000}).SerializeToString()


@pytest.fixture
async def caller(greet: GreetProcess) -> AsyncIterator[Sender]:
    made = Sender(greet.target)
    yield made
    await made.close()


async def start(caller: Sender, method: str, kind: CallKind, deadline: float | None = 20.0) -> ActiveCall:
    return await caller.start(TOUR + method, kind, CallSettings(deadline=deadline))


@contextlib.asynccontextmanager
async def streaming(handler: Callable[..., object], address: str = "localhost:0") -> AsyncIterator[str]:
    """A service whose one method, of two streams, is `handler`."""
    server = grpc.aio.server()
    method: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(handler)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("sample.v1.Tour", {"Chat": method}),))
    port = server.add_insecure_port(address)
    await server.start()
    try:
        yield address if address.startswith("unix:") else f"localhost:{port}"
    finally:
        await server.stop(None)


async def test_replies_of_a_server_stream_arrive_while_it_is_active(caller: Sender) -> None:
    call = await start(caller, "Count", CallKind.SERVER_STREAMING)
    assert await call.send(SLOWLY)
    values = []
    async for reply in call.replies():
        values.append(Number.FromString(reply).value)
        if len(values) == 3:
            assert not call.is_over
            call.cancel()
    assert values[:3] == [1, 2, 3]
    outcome = await call.outcome()
    assert (outcome.status.name, outcome.detail) == ("CANCELLED", "The call was cancelled on this side.")
    assert call.received == len(values)


async def test_a_client_stream_sends_several_messages(caller: Sender) -> None:
    call = await start(caller, "Sum", CallKind.CLIENT_STREAMING)
    for value in (1, 2, 39):
        assert await call.send(Number(value=value).SerializeToString())
    await call.half_close()
    outcome = await call.outcome()
    assert Total.FromString(outcome.responses[0]) == Total(value=42, count=3)
    assert (call.sent, call.received, call.is_over) == (3, 1, True)
    with pytest.raises(RequestError, match="half-closed"):
        await call.send(b"")


async def test_a_bidirectional_stream_alternates_messages_and_replies(caller: Sender) -> None:
    call = await start(caller, "Chat", CallKind.BIDI_STREAMING)
    replies = call.replies()
    for text in ("one", "two"):
        await call.send(Line(text=text).SerializeToString())
        assert Line.FromString(await anext(replies)).text == f"You said: {text}"
    await call.half_close()
    assert [reply async for reply in replies] == []
    assert (await call.outcome()).status.name == "OK"


async def test_a_second_request_of_a_unary_call_is_an_error(caller: Sender) -> None:
    call = await start(caller, "Count", CallKind.SERVER_STREAMING)
    await call.send(CountRequest(to=1).SerializeToString())
    with pytest.raises(RequestError, match="takes one message"):
        await call.send(b"")
    assert len((await call.outcome()).responses) == 1


async def test_concurrent_calls_share_one_connection(start_service: Callable[..., GreetProcess]) -> None:
    caller = Sender(start_service().target)
    calls = [await start(caller, "Chat", CallKind.BIDI_STREAMING) for _ in range(10)]
    for number, call in enumerate(calls):
        await call.send(Line(text=str(number)).SerializeToString())
    replies = [await anext(call.replies()) for call in calls]
    assert [Line.FromString(reply).text for reply in replies] == [f"You said: {number}" for number in range(10)]
    assert len(caller.local_ports()) == 1
    for call in calls:
        await call.half_close()
    assert {(await call.outcome()).status.name for call in calls} == {"OK"}
    await caller.close()


async def test_a_failure_before_the_last_message_keeps_its_status() -> None:
    async def handler(_requests: object, context: grpc.aio.ServicerContext[bytes, bytes]) -> None:
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, "not you")

    async with streaming(handler) as target:
        for _ in range(50):  # it comes at another moment of the writing each time
            caller = Sender(target)
            call = await caller.start(TOUR + "Chat", CallKind.BIDI_STREAMING)
            while await call.send(bytes(1000)):
                pass
            assert (await call.outcome()).status[1:] == ("PERMISSION_DENIED", "not you")
            await caller.close()


async def test_a_failure_keeps_its_details_and_trailers(caller: Sender) -> None:
    call = await start(caller, "Fail", CallKind.UNARY)
    await call.send(FailRequest(code=9, message="✗ 100 %").SerializeToString())
    outcome = await call.outcome()
    assert outcome.status == (9, "FAILED_PRECONDITION", "✗ 100 %")
    trailers = list(outcome.trailers)
    assert [value for name, value in trailers if name == "trace"] == ["first", "second"]
    assert ("trace-bin", bytes(range(16))) in trailers
    rich = outcome.rich(Catalog())
    assert rich is not None
    assert (rich.code, rich.message) == (9, "✗ 100 %")
    details: list[Any] = list(rich.details)
    assert [detail["@type"].rpartition(".")[2] for detail in details] == ["BadRequest", "ErrorInfo", "RetryInfo"]
    assert details[2]["retry_delay"] == "1.500s"


async def test_the_deadline_ends_a_stream(caller: Sender) -> None:
    call = await start(caller, "Count", CallKind.SERVER_STREAMING, deadline=0.3)
    await call.send(SLOWLY)
    outcome = await call.outcome()
    assert outcome.status.name == "DEADLINE_EXCEEDED"
    assert outcome.responses  # what came until then
    assert "within 0.3 s" in outcome.detail


async def test_a_reply_over_the_limit_is_explained(greet: GreetProcess) -> None:
    caller = Sender(greet.target, ConnectionOptions(largest_message=1000))
    outcome = await caller.unary(TOUR + "Echo", Things(text="x" * 2000).SerializeToString())
    assert outcome.status.name == "RESOURCE_EXHAUSTED"
    assert "--max-message-size" in outcome.detail
    await caller.close()


async def test_compression_and_metadata_reach_the_service() -> None:
    seen: list[tuple[str, str | bytes]] = []

    async def handler(requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext[bytes, bytes]) -> None:
        seen.extend(context.invocation_metadata() or ())
        await context.send_initial_metadata((("first", "yes"), ("first", "again")))
        async for request in requests:
            await context.write(request)

    async with streaming(handler) as target:
        caller = Sender(target, ConnectionOptions(authority="shop.test"))
        options = CallSettings((("Twice", "1"), ("twice", "2"), ("raw-bin", b"\x00\xff")), is_compressed=True)
        call = await caller.start(TOUR + "Chat", CallKind.BIDI_STREAMING, options)
        await call.send(b"x" * 5000)
        await call.half_close()
        outcome = await call.outcome()
        await caller.close()
    assert outcome.responses == (b"x" * 5000,)
    assert [pair for pair in outcome.initial if pair[0] == "first"] == [("first", "yes"), ("first", "again")]
    assert [pair for pair in seen if pair[0] in ("twice", "raw-bin")] == [
        ("twice", "1"),
        ("twice", "2"),
        ("raw-bin", b"\x00\xff"),
    ]


async def test_wait_for_ready_waits_for_the_service(free_port: int, start_service: Callable[..., GreetProcess]) -> None:
    caller = Sender(f"localhost:{free_port}")
    options = CallSettings(deadline=20.0, waits_for_ready=True)
    starting = asyncio.create_task(caller.start(TOUR + "Echo", CallKind.UNARY, options))
    await asyncio.to_thread(start_service, free_port)
    call = await starting
    await call.send(b"")
    assert (await call.outcome()).status.name == "OK"
    await caller.close()


async def test_the_state_of_the_connection_can_be_read(
    free_port: int, start_service: Callable[..., GreetProcess]
) -> None:
    caller = Sender(f"localhost:{free_port}")
    states = [caller.state]
    await caller.unary(TOUR + "Echo", b"")
    states.append(caller.state)
    start_service(free_port)
    await caller.unary(TOUR + "Echo", b"")
    states.append(caller.state)
    await caller.reconnect()
    states.append(caller.state)
    assert states == ["not connected", "failed", "connected", "not connected"]


async def test_reconnecting_cancels_active_streams(caller: Sender) -> None:
    call = await start(caller, "Count", CallKind.SERVER_STREAMING)
    await call.send(SLOWLY)
    async for _ in call.replies():
        if call.received == 2:
            await caller.reconnect()
    outcome = await call.outcome()
    assert outcome.status.name == "CANCELLED"
    assert "closed on this side" in outcome.detail


async def test_a_call_cancelled_before_its_message(caller: Sender) -> None:
    call = await start(caller, "Sleep", CallKind.UNARY)
    call.cancel()
    assert (await call.outcome()).status.name == "CANCELLED"
    assert not await call_is_sendable(call)


async def call_is_sendable(call: ActiveCall) -> bool:
    return await call.send(SleepRequest().SerializeToString())


async def test_a_unix_socket(tmp_path: Path) -> None:
    async def handler(requests: AsyncIterator[bytes], _context: object) -> AsyncIterator[bytes]:
        async for request in requests:
            yield request

    async with streaming(handler, f"unix:{tmp_path}/s") as target:
        caller = Sender(target)
        call = await caller.start(TOUR + "Chat", CallKind.BIDI_STREAMING)
        await call.send(b"x")
        await call.half_close()
        assert (await call.outcome()).responses == (b"x",)
        assert caller.local_ports() == frozenset()
        await caller.close()
