"""Secrets in headers: masked in copies and exports of a call, and shown by `--json` and `follow`."""

from __future__ import annotations

import base64
import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hyperframe.frame import SettingsFrame
from hypothesis import given
from hypothesis import strategies as st

from inspector.cli import main
from inspector.model.call import StreamKey
from inspector.model.secrets import DEFAULT_NAMES, Mask, Secrets, masked
from inspector.present.export.commands import grpcurl_command, python_script
from inspector.present.export.json import call_object, frame_object, json_line
from inspector.present.export.text import follow_lines, follow_page, masked_line, text_line
from inspector.present.follow import Follow
from inspector.present.packet import Folds, PacketTree
from inspector.present.rows import frame_row
from inspector.present.spans import Line
from inspector.schema.catalog import Catalog
from inspector.session import FileSource, Session
from inspector.store.store import Store
from inspector.tshark import sharkd
from inspector.tshark.binary import Decoding, find_tshark
from inspector.ui.detail.documents import frame_document
from sample_service.sample_pb2 import Things
from tests.conftest import GreetProcess
from tests.conversation import Conversation, data, headers, hello, reply, request, response
from tests.present.test_commands import TOUR, captured, catalog, replies, run
from tests.wire import PREFACE, SERVER, Wire

TOKEN = "QJXZ-token-0123456789"
FIELDS = (
    ("authorization", f"Bearer {TOKEN}"),
    ("cookie", f"id={TOKEN}"),
    ("x-api-key", TOKEN),
    ("x-key-bin", "UUpYWg=="),
    ("trace", "visible"),
)
NAMES = frozenset({*DEFAULT_NAMES, "x-api-key", "x-key-bin"})
FIRST = StreamKey(0, 1)

View = Callable[[Store, Mask], str]


def talked(*fields: tuple[str, str]) -> Store:
    talk = Conversation()
    talk.client(request(1, "/HelloWorld/greet", *fields), data(1, hello("World"), end=True))
    talk.server(
        response(1, ("set-cookie", f"id={TOKEN}")),
        data(1, reply("Hello")),
        headers(1, ("grpc-status", "0"), ("proxy-authorization", f"Basic {TOKEN}"), end=True),
    )
    return talk.store


def call_text(store: Store, mask: Mask) -> str:
    return "\n".join(follow_lines(Follow(store, Catalog(), FIRST), mask=mask))


def call_page(store: Store, mask: Mask) -> str:
    return "\n".join(follow_page(Follow(store, Catalog(), FIRST), mask))


def call_json(store: Store, mask: Mask) -> str:
    return json_line(call_object(store, Catalog(), FIRST, mask)).decode()


def frames_json(store: Store, mask: Mask) -> str:
    return "\n".join(json_line(frame_object(store, at, mask)).decode() for at in range(len(store.frames)))


def frame_tab(store: Store, mask: Mask) -> str:
    return frame_document(store, Catalog(), 0).copied(mask)[0]


EVERY: dict[str, View] = {view.__name__: view for view in (call_text, call_page, call_json, frames_json, frame_tab)}


@pytest.mark.parametrize("view", EVERY.values(), ids=EVERY)
def test_every_view_masks_what_the_options_name_and_nothing_else(view: View) -> None:
    store, mask = talked(*FIELDS), Mask(Secrets(NAMES))
    said = view(store, mask)
    assert TOKEN not in said
    assert "UUpYWg" not in said
    assert "Bearer ***" in said
    assert "visible" in said
    assert mask.masked[:4] == ["authorization", "cookie", "x-api-key", "x-key-bin"]
    assert TOKEN in view(store, Mask(Secrets()))  # x-api-key is none by default
    assert view(store, Mask(Secrets(NAMES, are_shown=True))).count(TOKEN) >= 3
    others = {"authorization", "cookie", "proxy-authorization", "set-cookie", "trace"}
    bare = talked(*(field for field in FIELDS if field[0] in others))
    assert TOKEN not in view(bare, Mask(Secrets()))


TRAILERS = f"grpc-status: 5\r\nx-api-key: {TOKEN}\r\nAuthorization: Bearer {TOKEN}\r\ntrace: visible\r\n".encode()
END = {"error": {"code": "not_found"}, "metadata": {"X-Api-Key": [TOKEN, f"{TOKEN}2"], "trace": ["visible"]}}


def ended_in_body(kind: str) -> Store:
    """A call whose trailers are in the body's last frame."""
    if "connect" in kind:
        end = b"\x02" + len(body := json.dumps(END).encode()).to_bytes(4, "big") + body
    else:
        end = b"\x80" + len(TRAILERS).to_bytes(4, "big") + TRAILERS
    parts = [reply("Hello"), end]
    talk = Conversation()
    talk.client(headers(1, (":method", "POST"), (":path", "/HelloWorld/greet"), ("content-type", kind)))
    talk.server(headers(1, (":status", "200"), ("content-type", kind)))
    for number, part in enumerate(parts):
        talk.server(data(1, base64.b64encode(part) if "text" in kind else part, end=number == 1))
    return talk.store


def frames_text(store: Store, mask: Mask) -> str:
    rows = (frame_row(store, Catalog(), at).info for at in range(len(store.frames)))
    return "\n".join(masked_line(Line(row), mask).text for row in rows)


@pytest.mark.parametrize(
    "kind", [f"application/{each}" for each in ("grpc-web+proto", "grpc-web-text", "connect+proto")]
)
@pytest.mark.parametrize("view", [call_text, call_page, call_json, frames_text])
def test_trailers_in_a_body_are_masked_as_others_are(view: View, kind: str) -> None:
    store, mask = ended_in_body(kind), Mask(Secrets(NAMES))
    said = view(store, mask)
    assert TOKEN not in said
    assert "visible" in said
    assert ("not_found" if "connect" in kind else "grpc-status") in said.lower()
    assert "x-api-key" in mask.masked
    assert view(store, Mask(Secrets(NAMES, are_shown=True))).count(TOKEN) == 2


@pytest.mark.parametrize("view", EVERY.values(), ids=EVERY)
@given(st.text("QJXZ=; ", min_size=1, max_size=3_000).filter(str.strip))
def test_no_view_reveals_the_value_or_its_length(view: View, value: str) -> None:
    said = [view(talked(("cookie", each)), Mask(Secrets())) for each in (value, "Q")]
    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("authorization", "Bearer abc", "Bearer ***"),
        ("Authorization", "basic YTpi", "basic ***"),
        ("authorization", "abc", "***"),
        ("authorization", "hunter2 and more", "***"),  # its first word may be a part of the secret
        ("authorization", "Bearer", "***"),
        ("proxy-authorization", "Digest username=x", "Digest ***"),
        ("cookie", "Bearer abc", "***"),
        ("x-key-bin", b"\x00\x01", "***"),
    ],
)
def test_only_the_scheme_is_kept(name: str, value: str | bytes, expected: str) -> None:
    assert masked(name, value) == expected
    assert Secrets(NAMES).covers(name, value)


def test_empty_values_and_other_headers_are_not_secrets() -> None:
    assert not Secrets().covers("authorization", "")
    assert not Secrets().covers("authorization-policy", "Bearer abc")
    assert Secrets().covers("", "Bearer abc")  # a header whose name could not be read
    assert not Secrets().covers("", "application/grpc")


def test_a_command_names_the_variables_and_fails_without_them(greet: GreetProcess) -> None:
    things = Things(text="x").SerializeToString()
    call = captured(TOUR + "Echo", things, headers=[*FIELDS, ("x-api-key", f"{TOKEN}2"), ("path", f"/{TOKEN}")])
    secrets = Secrets(NAMES | {"path"})
    mask = Mask(secrets)
    words = shlex.split(grpcurl_command(call, catalog(), "localhost:1", (), mask))
    assert words[2] == "-expand-headers"
    assert [words[index + 1] for index, word in enumerate(words) if word == "-H"] == [
        "authorization: Bearer ${AUTHORIZATION}",
        "cookie: ${COOKIE}",
        "x-api-key: ${X_API_KEY}",
        "x-key-bin: ${X_KEY_BIN}",
        "trace: visible",
        "x-api-key: ${X_API_KEY_2}",
        "path: ${SECRET_PATH}",  # PATH itself is always set
    ]
    assert mask.variables == ["AUTHORIZATION", "COOKIE", "X_API_KEY", "X_KEY_BIN", "X_API_KEY_2", "SECRET_PATH"]
    script = python_script(call, catalog(), greet.target, Mask(secrets))
    assert TOKEN not in script
    assert "set AUTHORIZATION, COOKIE, X_API_KEY, X_KEY_BIN, X_API_KEY_2, SECRET_PATH in the environment" in script
    done = run(script)
    assert done.returncode == 1
    assert "KeyError: 'AUTHORIZATION'" in done.stderr


def test_a_script_whose_variables_are_set_sends_the_call(greet: GreetProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    things = Things(text="x").SerializeToString()
    script = python_script(
        captured(TOUR + "Echo", things, headers=FIELDS), catalog(), greet.target, Mask(Secrets(NAMES))
    )
    for name in ("AUTHORIZATION", "COOKIE", "X_API_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("X_KEY_BIN", "AAEC")
    assert replies(run(script)) == [things]


def test_a_dollar_in_another_header_is_not_a_variable() -> None:
    call = captured(TOUR + "Echo", b"", headers=[("authorization", "Bearer x"), ("x-price", "${HOME} and $5")])
    command = grpcurl_command(call, catalog(), "localhost:1", (), Mask(Secrets()))
    assert command.startswith("DOLLAR='$' grpcurl ")
    assert "x-price: ${DOLLAR}{HOME} and $5" in shlex.split(command)
    shown = grpcurl_command(call, catalog(), "localhost:1")
    assert "x-price: ${HOME} and $5" in shlex.split(shown)
    assert "-expand-headers" not in shown


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """One call of the greet service with secrets, over HTTP/2."""
    wire = Wire()
    wire.client(PREFACE, SettingsFrame(0))
    wire.greet(1, hello("World"), reply("Hello"), *FIELDS)
    wire.end()
    return wire.write(tmp_path / "secrets.pcap")


def http1(folder: Path) -> Path:
    """A request with Basic credentials over HTTP/1.1."""
    wire = Wire(server=SERVER._replace(port=80))
    wire.client(
        b"GET /a HTTP/1.1\r\nHost: x\r\nAuthorization: Basic UUpYWjpwYXNz\r\nCookie: a=QJXZ\r\nTrace: visible\r\n\r\n"
    )
    wire.server(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=QJXZ\r\nContent-Length: 0\r\n\r\n")
    wire.end()
    return wire.write(folder / "http1.pcap")


async def trees(path: Path, *ports: int) -> tuple[str, str]:
    """The whole trees of all packets: as they are, and masked."""
    session = Session(FileSource(path), Decoding(frozenset(ports)))
    await session.run()
    mask = Mask(Secrets(NAMES))
    clear: list[str] = []
    hidden: list[str] = []
    for number in range(1, session.store.packets + 1):
        tree = PacketTree(await session.packets.dissect(number), Folds())
        tree.open_all(is_open=True)
        lines = [tree.line(index) for index in range(len(tree.lines))]
        clear += map(text_line, lines)
        hidden += [text_line(masked_line(each, mask)) for each in lines]
    await session.close()
    assert mask.count
    return "\n".join(clear), "\n".join(hidden)


@pytest.fixture(params=["sharkd", "tshark"])
def dissector(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tshark with sharkd beside it, and one without."""
    found = find_tshark()
    if request.param == "tshark":
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "tshark").symlink_to(found.path)
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    elif sharkd.find_sharkd(found) is None:
        pytest.skip("sharkd is not installed")


@pytest.mark.system
@pytest.mark.usefixtures("dissector")
async def test_a_packets_tree_is_masked_with_the_bytes_and_the_lengths_in_it(capture: Path) -> None:
    clear, hidden = await trees(capture, SERVER.port)
    assert f"Value: Bearer {TOKEN}" in clear
    assert TOKEN not in hidden
    assert "Header: authorization: Bearer ***" in hidden
    assert "Value: visible" in hidden
    assert TOKEN.encode().hex() not in hidden.replace(":", "")
    lengths = [row for row in hidden.splitlines() if "Value Length" in row]
    assert lengths.count(next(row for row in lengths if "***" in row)) == 4


@pytest.mark.system
@pytest.mark.usefixtures("dissector")
async def test_the_tree_of_http_1_is_masked_too(tmp_path: Path) -> None:
    clear, hidden = await trees(http1(tmp_path))
    assert "QJXZ:pass" in clear  # Wireshark decodes Basic
    assert "QJXZ" not in hidden
    assert "UUpYWjpwYXNz" not in hidden
    assert "Authorization: Basic ***" in hidden
    assert "visible" in hidden


def inspector(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "inspector", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


@pytest.mark.system
def test_the_page_of_follow_is_masked_and_says_so(capture: Path) -> None:
    done = inspector("follow", capture, "0/1", "--html", "--secret-header", "X-Api-Key,x-key-bin")
    assert TOKEN not in done.stdout
    assert "Bearer ***" in done.stdout
    assert "4 secrets masked; --show-secrets shows them." in done.stderr
    shown = inspector("follow", capture, "0/1", "--html", "--show-secrets")
    assert shown.stdout.count(TOKEN) == 3
    assert "secret" not in shown.stderr


@pytest.mark.system
def test_printed_output_is_not_masked(capture: Path) -> None:
    assert f"authorization: Bearer {TOKEN}" in inspector("follow", capture, "0/1").stdout
    (call,) = map(json.loads, inspector("calls", capture, "--json").stdout.splitlines())
    assert ["authorization", f"Bearer {TOKEN}"] in call["request_headers"]
    frames = map(json.loads, inspector("frames", capture, "--json").stdout.splitlines())
    assert any(["cookie", f"id={TOKEN}"] in (frame["headers"] or ()) for frame in frames)


@pytest.mark.system
@pytest.mark.parametrize("name", ["", "a b", ":path", "x-key,", "grpc-message"])
def test_an_invalid_secret_header_is_an_error(name: str, capture: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["follow", str(capture), "0/1", "--html", "--secret-header", name]) == 2
    assert "grpc-inspector: Argument --secret-header: " in capfd.readouterr().err
