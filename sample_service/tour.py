"""The tour: a method of each kind of call, a slow one, and one that fails with details and binary metadata."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Final

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from sample_service import sample_pb2, sample_pb2_grpc

_MAX_PAUSE_SECONDS: Final = 3600.0
_INT64_MAX: Final = (1 << 63) - 1
_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


class Tour(sample_pb2_grpc.TourServicer):
    """The methods of `sample.v1.Tour`."""

    def Echo(self, request: sample_pb2.Things, context: grpc.ServicerContext) -> sample_pb2.Things:  # noqa: N802
        """Return the request, compressed."""
        context.set_compression(grpc.Compression.Gzip)
        return request

    def Count(  # noqa: N802
        self, request: sample_pb2.CountRequest, context: grpc.ServicerContext
    ) -> Iterator[sample_pb2.Number]:
        """Count from 1 up to the requested number."""
        for value in range(1, request.to + 1):
            if value > 1 and not _pause(request.pause, context):
                return
            yield sample_pb2.Number(value=value)

    def Sum(self, numbers: Iterator[sample_pb2.Number], context: grpc.ServicerContext) -> sample_pb2.Total:  # noqa: N802
        """Add all numbers."""
        values = [number.value for number in numbers]
        if abs(sum(values)) > _INT64_MAX:
            context.abort(grpc.StatusCode.OUT_OF_RANGE, "The sum does not fit into an int64.")
        return sample_pb2.Total(value=sum(values), count=len(values))

    def Chat(self, lines: Iterator[sample_pb2.Line], _context: object) -> Iterator[sample_pb2.Line]:  # noqa: N802
        """Answer each line."""
        for line in lines:
            yield sample_pb2.Line(text=f"You said: {line.text}")

    def Sleep(self, request: sample_pb2.SleepRequest, context: grpc.ServicerContext) -> sample_pb2.SleepReply:  # noqa: N802
        """Reply after a while."""
        _pause(request.time, context)
        return sample_pb2.SleepReply(text="Good morning")

    def Fail(self, request: sample_pb2.FailRequest, context: grpc.ServicerContext) -> sample_pb2.FailReply:  # noqa: N802
        """Fail with a status code, unless 0 is requested."""
        code = _CODES.get(request.code or 3, grpc.StatusCode.UNKNOWN)
        message = request.message or "This call fails whatever it says: ✗ 100 %"
        if code is not grpc.StatusCode.OK:
            context.set_trailing_metadata(
                (
                    ("grpc-status-details-bin", _details(code.value[0], message)),
                    ("trace-bin", bytes(range(16))),
                    ("trace", "first"),
                    ("trace", "second"),
                )
            )
            context.abort(code, message)
        return sample_pb2.FailReply()


def _details(code: int, message: str) -> bytes:
    """Return a google.rpc.Status with further details."""
    violation = error_details_pb2.BadRequest.FieldViolation(field="code", description="It asks for a failure.")
    details: tuple[Message, ...] = (
        error_details_pb2.BadRequest(field_violations=[violation]),
        error_details_pb2.ErrorInfo(reason="ASKED_FOR", domain="sample.v1", metadata={"method": "Fail"}),
        error_details_pb2.RetryInfo(retry_delay=Duration(seconds=1, nanos=500_000_000)),
    )
    packed = [Any() for _ in details]
    for holder, detail in zip(packed, details, strict=True):
        holder.Pack(detail)
    data: bytes = status_pb2.Status(code=code, message=message, details=packed).SerializeToString()
    return data


def _pause(time: Duration, context: grpc.ServicerContext) -> bool:
    """Wait; return False if the call has ended meanwhile."""
    gone = threading.Event()
    if not context.add_callback(gone.set):
        return False
    seconds = time.seconds + time.nanos / 1e9
    return not gone.wait(min(max(seconds, 0.0), _MAX_PAUSE_SECONDS))
