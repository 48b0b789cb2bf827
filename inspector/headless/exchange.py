"""One call from its first message to its outcome: feeds it, reads it, and tells of every message as it passes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from inspector.client.outcome import Outcome
from inspector.client.running_call import RunningCall
from inspector.errors import InspectorError
from inspector.model.endpoint import Side

Passed = Callable[[Side, bytes], None]


async def exchange(call: RunningCall, messages: AsyncIterator[bytes], passed: Passed) -> Outcome:
    """Send the messages as they come, half-close, and read until the end; replies are taken while messages go out.

    Raises InspectorError when a message cannot be built; the call is then cancelled.
    """
    feeding = asyncio.create_task(_feed(call, messages, passed))
    try:
        async for reply in call.replies():
            passed(Side.SERVER, reply)
        outcome = await call.outcome()
    except asyncio.CancelledError:
        call.cancel()
        raise
    finally:
        feeding.cancel()  # the call may end before its messages do
        await asyncio.wait({feeding})
    if not feeding.cancelled() and (error := feeding.exception()) is not None:
        raise error
    return outcome


async def _feed(call: RunningCall, messages: AsyncIterator[bytes], passed: Passed) -> None:
    try:
        async for message in messages:
            passed(Side.CLIENT, message)
            if not await call.send(message):
                return
        await call.half_close()
    except InspectorError:
        call.cancel()
        raise
