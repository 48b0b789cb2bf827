"""`call` against other servers: grpclib, and grpc-js if Node.js finds it (NODE_PATH)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.headless.test_commands import objects, run

pytestmark = pytest.mark.system

HERE = Path(__file__).parents[1]
PROTO = HERE.parent / "proto"
SERVERS = {
    "grpc-js": ("node", str(HERE / "other_server.mjs"), str(PROTO)),
    "grpclib": (sys.executable, "-m", "tests.other_server"),
}


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, ...]]:
    """HOST:PORT, and the options that its schema takes."""
    name: str = request.param
    try:
        process = subprocess.Popen(SERVERS[name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except FileNotFoundError:
        pytest.skip("there is no node here")
    with process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        if not port:
            pytest.skip("node finds no @grpc/grpc-js")
        has_reflection = run("list", f"localhost:{port}").returncode == 0
        yield f"localhost:{port}", *(() if has_reflection else ("--proto", str(PROTO / "sample.proto")))
        process.kill()


@pytest.mark.parametrize(
    ("method", "messages", "values"),
    [
        ("Echo", ['{"text": "Zoë 🌍", "raw": "AP8=", "large": "-9223372036854775808"}'], ["Zoë 🌍"]),
        ("Count", ['{"to": 3}'], ["1", "2", "3"]),
        ("Sum", ['{"value": 40}', "2"], ["42"]),
        ("Chat", ["one", "two"], ["You said: one", "You said: two"]),
    ],
)
def test_every_kind_of_call(server: tuple[str, ...], method: str, messages: list[str], values: list[str]) -> None:
    target, *schema = server
    done = run(
        "call", target, f"sample.v1.Tour/{method}", *messages, *("-H", "x-a: 1", "--json", "--engine", "tap"), *schema
    )
    assert (done.returncode, done.stderr) == (0, "")
    (call,) = objects(done.stdout)
    given = [each["value"] for each in call["responses"]]
    assert [value.get("text") or value["value"] for value in given] == values
    assert (call["state"], call["problems"]) == ("complete", [])
    assert ["x-a", "1"] in call["request_headers"]


def test_compression(server: tuple[str, ...]) -> None:
    target, *schema = server
    text = '{"text": "' + "tell " * 200 + '"}'
    done = run("call", target, "sample.v1.Tour/Echo", text, "--gzip", "--json", "--engine", "tap", *schema)
    if done.returncode == 64 + 2:
        pytest.skip("this server takes nothing compressed")
    assert (done.returncode, done.stderr) == (0, "")
    assert objects(done.stdout)[0]["requests"][0]["encoding"] == "gzip"


def test_a_failure(server: tuple[str, ...]) -> None:
    target, *schema = server
    done = run("call", target, "sample.v1.Tour/Fail", '{"code": 9}', "--json", "--engine", "tap", *schema)
    assert done.returncode == 64 + 9
    assert objects(done.stdout)[0]["status"] == {"code": 9, "name": "FAILED_PRECONDITION", "message": "✗ 100 %"}


def test_an_unimplemented_method(server: tuple[str, ...], tmp_path: Path) -> None:
    proto = tmp_path / "sample.proto"
    proto.write_text((PROTO / "sample.proto").read_text().replace("rpc Sum", "rpc Missing"))
    done = run("call", server[0], "sample.v1.Tour/Missing", "--engine", "tap", "--proto", proto)
    assert done.returncode == 64 + 12
    assert "has no method /sample.v1.Tour/Missing" in done.stderr
