"""The greet service and its client as commands: their output and exit status."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from inspector.client.proto_files import compile_files
from sample_service import helloworld_pb2, sample_pb2, sample_pb2_grpc
from tests.conftest import GreetProcess

ROOT = Path(__file__).parents[2]


def run(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *argv], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize(("names", "reply"), [((), "World"), (("Ada",), "Ada"), (("",), ""), (("Zoë 🌍",), "Zoë 🌍")])
def test_the_client_prints_the_reply(greet: GreetProcess, names: tuple[str, ...], reply: str) -> None:
    done = run("sample_service.client", *names, "--port", str(greet.port))
    assert (done.returncode, done.stdout, done.stderr) == (0, f"Reply: Hello, {reply}\n", "")


def test_the_client_without_a_service_prints_a_one_line_error(free_port: int) -> None:
    done = run("sample_service.client", "--port", str(free_port))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert f"localhost:{free_port}" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(start_service: Callable[..., GreetProcess], number: signal.Signals) -> None:
    process = start_service().process
    process.send_signal(number)
    assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == 0


def test_a_signal_ends_it_while_a_call_is_open(start_service: Callable[..., GreetProcess]) -> None:
    service = start_service()
    with grpc.insecure_channel(service.target) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest(service="HelloWorld"))
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        service.process.send_signal(signal.SIGINT)
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert service.process.communicate(timeout=30) == ("", "")
        assert service.process.returncode == 0


def test_a_taken_port_is_a_one_line_error(greet: GreetProcess) -> None:
    done = run("sample_service", "--port", str(greet.port))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert f"Port {greet.port} is taken" in done.stderr


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_port_taken_on_one_family_is_taken(family: socket.AddressFamily) -> None:
    with socket.socket(family) as other:
        try:
            other.bind(("127.0.0.1" if family is socket.AF_INET else "::1", 0))
        except OSError:
            pytest.skip("this host has no IPv6")
        other.listen()
        assert (
            f"Port {other.getsockname()[1]} is taken"
            in run("sample_service", "--port", str(other.getsockname()[1])).stderr
        )


@pytest.mark.parametrize("port", ["x", "-1", "65536"])
def test_an_invalid_port_is_a_usage_error(port: str) -> None:
    done = run("sample_service", f"--port={port}")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_it_serves_both_families(greet: GreetProcess, host: str) -> None:
    if host == "[::1]" and not _has_ipv6():
        pytest.skip("this host has no IPv6")
    with grpc.insecure_channel(f"{host}:{greet.port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for service in ("", "HelloWorld"):
            reply = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=10)
            assert reply.status == health_pb2.HealthCheckResponse.SERVING


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_it_can_be_started_again_on_the_same_port(start_service: Callable[..., GreetProcess]) -> None:
    first = start_service()
    assert run("sample_service.client", "--port", str(first.port)).returncode == 0
    first.process.terminate()
    first.process.communicate(timeout=30)
    assert start_service(first.port).port == first.port


@pytest.mark.parametrize("generated", [helloworld_pb2, sample_pb2])
async def test_the_generated_code_is_that_of_the_proto_file(generated: ModuleType) -> None:
    """`make proto` writes it; this fails when that was forgotten."""
    name = generated.DESCRIPTOR.name
    compiled = await compile_files([ROOT / "proto" / name])
    file = next(file for file in compiled.file if file.name == name)
    for message in file.message_type:
        for field in (*message.field, *(field for inner in message.nested_type for field in inner.field)):
            field.ClearField("json_name")  # protoc adds it for descriptor sets only
    assert file.SerializeToString() == generated.DESCRIPTOR.serialized_pb


def test_the_tour_has_every_kind_of_call(greet: GreetProcess) -> None:
    with grpc.insecure_channel(greet.target) as channel:
        tour = sample_pb2_grpc.TourStub(channel)  # type: ignore[no-untyped-call]
        things = sample_pb2.Things(text="a" * 1000)
        assert tour.Echo(things, timeout=10) == things
        assert [each.value for each in tour.Count(sample_pb2.CountRequest(to=3), timeout=10)] == [1, 2, 3]
        assert tour.Sum(iter([sample_pb2.Number(value=each) for each in (1, 2)]), timeout=10).value == 3
        lines = tour.Chat(iter([sample_pb2.Line(text="a")]), timeout=10)
        assert [each.text for each in lines] == ["You said: a"]
        assert tour.Sleep(sample_pb2.SleepRequest(), timeout=10).text == "Good morning"


@pytest.mark.parametrize(("asked", "name"), [(0, "INVALID_ARGUMENT"), (16, "UNAUTHENTICATED"), (99, "UNKNOWN")])
def test_fail_returns_the_requested_status(greet: GreetProcess, asked: int, name: str) -> None:
    with grpc.insecure_channel(greet.target) as channel:
        tour = sample_pb2_grpc.TourStub(channel)  # type: ignore[no-untyped-call]
        with pytest.raises(grpc.RpcError) as failed:
            tour.Fail(sample_pb2.FailRequest(code=asked), timeout=10)
    status = rpc_status.from_call(failed.value)
    assert failed.value.code().name == name
    assert [each.type_url.rpartition(".")[2] for each in status.details] == ["BadRequest", "ErrorInfo", "RetryInfo"]


def test_sleep_ends_when_the_caller_is_gone(start_service: Callable[..., GreetProcess]) -> None:
    service = start_service()
    with grpc.insecure_channel(service.target) as channel:
        tour = sample_pb2_grpc.TourStub(channel)  # type: ignore[no-untyped-call]
        sleeping = tour.Sleep.future(sample_pb2.SleepRequest(time={"seconds": 3000}))
        assert tour.Sleep(sample_pb2.SleepRequest(), timeout=10).text
        sleeping.cancel()
    service.process.send_signal(signal.SIGTERM)
    assert service.process.communicate(timeout=30) == ("", "")
