"""A service of the tour in pure Python, by grpclib: another HTTP/2 implementation. Prints its port."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError
from grpclib.server import Server

from sample_service import sample_pb2 as pb


class Tour:
    """The methods, each as grpclib has it: one function that is given a stream."""

    async def echo(self, stream: Any) -> None:
        await stream.send_message(await stream.recv_message())

    async def count(self, stream: Any) -> None:
        request = await stream.recv_message()
        for value in range(1, request.to + 1):
            await stream.send_message(pb.Number(value=value))

    async def sum(self, stream: Any) -> None:
        values = [number.value async for number in stream]
        await stream.send_message(pb.Total(value=sum(values), count=len(values)))

    async def chat(self, stream: Any) -> None:
        async for line in stream:
            await stream.send_message(pb.Line(text=f"You said: {line.text}"))

    async def fail(self, stream: Any) -> None:
        request = await stream.recv_message()
        raise GRPCError(Status(request.code or 3), request.message or "✗ 100 %")

    def __mapping__(self) -> dict[str, Handler]:
        kinds = Cardinality
        return {
            f"/sample.v1.Tour/{name}": Handler(function, kind, request, reply)
            for name, function, kind, request, reply in (
                ("Echo", self.echo, kinds.UNARY_UNARY, pb.Things, pb.Things),
                ("Count", self.count, kinds.UNARY_STREAM, pb.CountRequest, pb.Number),
                ("Sum", self.sum, kinds.STREAM_UNARY, pb.Number, pb.Total),
                ("Chat", self.chat, kinds.STREAM_STREAM, pb.Line, pb.Line),
                ("Fail", self.fail, kinds.UNARY_UNARY, pb.FailRequest, pb.FailReply),
            )
        }


async def main() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server([Tour()])
        await server.start(sock=listener)
        print(listener.getsockname()[1], flush=True)
        await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())
