"""Every option takes effect, or a sentence says why it would not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from inspector.capture.source import Target
from inspector.cli import applicability
from inspector.cli import options as parsers
from inspector.cli.applicability import NEEDS, Need
from inspector.cli.commands import check, source_of
from inspector.cli.options import Parser
from inspector.errors import UsageError
from inspector.session import LiveSource
from tests.capture.test_tap_listener import greet_from_elsewhere
from tests.captures import DATA
from tests.conftest import GreetProcess
from tests.engines_here import needs_capture
from tests.headless.test_commands import objects, run

FILE: Final = str(DATA / "b_full.pcapng")
PROTO: Final = str(DATA / "peers.proto")
MAKERS: Final[dict[str, Callable[[str], Parser]]] = {
    "": parsers.app,
    "frames": parsers.frames,
    "calls": parsers.calls,
    "connections": parsers.connections,
    "follow": parsers.follow,
    "call": parsers.call,
    "list": parsers.list_services,
    "describe": parsers.describe,
    "doctor": parsers.doctor,
}
VALUES: Final = {
    "--engine": "dumpcap",
    "--interface": "lo",
    "--listen": "localhost:0",
    "--port": "50052",
    "--memory": "512M",
    "--tls-keylog": FILE,
    "--proto": PROTO,
    "--proto-path": str(DATA),
    "--protoset": PROTO,
    "--reflect-header": "a:b",
    "--cacert": FILE,
    "--cert": FILE,
    "--key": FILE,
    "--servername": "a",
    "--authority": "a",
    "--keepalive-time": "1",
    "--max-message-size": "1M",
    "--deadline": "1",
    "--count": "1",
    "--for": "1",
    "--write": "kept.pcap",
    "--secret-header": "x-key",
}
CALL: Final = ("call", "localhost:1", "a.B/C")
BREAKS: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "LIVE": (("calls", FILE), ("frames", "-"), ("", FILE)),
    "NETWORK": (("calls", "unix:/x"),),
    "PROGRAM": (("calls", "localhost:1", "--engine", "tap"), ("", "unix:/x"), (*CALL, "--listen", ":0")),
    "TAP": (("calls", "localhost:1", "--engine", "tcpdump"), (*CALL, "--engine", "dumpcap")),
    "WIDER": (("calls", "localhost:1", "--engine", "tap"), ("frames", "unix:/x"), ("", "--listen", ":0")),
    "KEPT": (CALL,),
    "SEEN": ((*CALL, "--tls"), (*CALL, "--insecure"), (*CALL, "--servername", "a")),
    "SEEN_OR_NOTED": ((*CALL, "--tls"),),
    "ENCRYPTED": (CALL, (*CALL, "--plaintext")),
    "ENDLESS": (("calls", FILE), ("follow", FILE, "0/1")),
    "LINES": (("follow", FILE, "0/1"), ("follow", "localhost:1", "0/1")),
    "CALLS": (("", FILE), ("", "-")),
    "MESSAGES": (("connections", FILE), ("connections", "localhost:1")),
    "PROTO": (("calls", FILE), (*CALL,), ("list", "localhost:1")),
    "SERVICE": (("calls", FILE), ("frames", "-"), ("", FILE)),
    "FOREIGN": (("",),),
    "PAGE": (("follow", FILE, "0/1"),),
    "MASKED": (("", "--show-secrets"), ("follow", FILE, "0/1", "--html", "--show-secrets")),
    "REFLECTION": (("calls", "localhost:1", "--no-reflection"), (*CALL, "--proto", PROTO)),
    "CONNECTING": (("list", "localhost:1", "--proto", PROTO), ("describe", "localhost:1", "--protoset", PROTO)),
}
"""By the name of a need: command lines that break it, the option itself not yet on them."""
NAMES: Final = {id(value): name for name, value in vars(applicability).items() if isinstance(value, Need)}
RULES: Final = [(option, need) for option, needs in NEEDS.items() for need in needs]


def read(*arguments: str) -> Namespace:
    command, rest = arguments[0], arguments[1:]
    options = MAKERS[command](f"grpc-inspector {command}").read(rest)
    options.command = command
    return options


def checked(*arguments: str) -> Namespace:
    """The options of a command line that was checked as each command does it."""
    options = read(*arguments)
    match options.command:
        case "list" | "describe":
            check(options, None)
        case "call":
            check(options, source_of(options, Target.parse(options.target)))
        case "doctor":
            pass
        case _:
            check(options, source_of(options))
    return options


def with_value(option: str) -> tuple[str, ...]:
    return (option, VALUES[option]) if option in VALUES else (option,)


@pytest.mark.system
def test_every_option_is_in_the_table() -> None:
    known = {
        name
        for command, maker in MAKERS.items()
        for action in maker(command)._actions
        for name in action.option_strings
        if name.startswith("--")
    }
    assert known - {"--help", "--version"} == set(NEEDS)
    assert set(NAMES.values()) == set(BREAKS)


@pytest.mark.system
@pytest.mark.parametrize(("option", "need"), RULES, ids=lambda value: NAMES.get(id(value), value))
def test_an_option_without_effect_is_an_error(
    option: str, need: Need, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for line in BREAKS[NAMES[id(need)]]:
        if option not in known_to(line[0]):
            continue
        if need.is_note:
            checked(*line, *with_value(option))
            said = capsys.readouterr().err
        else:
            with pytest.raises(UsageError) as caught:
                checked(*line, *with_value(option))
            said = f"grpc-inspector: {caught.value}\n"
        start = need.message.format_map(Words(option=option)).partition("*")[0]
        assert said.startswith(f"grpc-inspector: {start}"), (line, said)
        assert said.count("\n") == 1
        assert "{" not in said
        assert len(said) < 200
    assert any(option in known_to(line[0]) for line in BREAKS[NAMES[id(need)]]), "no command has it"


class Words(dict[str, str]):
    """The words of a message, up to the first that only the situation knows."""

    def __missing__(self, key: str) -> str:
        return "*"


def known_to(command: str) -> set[str]:
    return {name for action in MAKERS[command](command)._actions for name in action.option_strings}


@pytest.mark.parametrize(
    "line",
    [
        "calls localhost:1 --engine tcpdump --interface lo --port 2,3 --memory 512M --for 1 --count 1 --write kept",
        "calls localhost:1 --engine tap --port 1 --listen :0",
        "calls unix:/x --listen unix:/y --engine tap",
        "calls - --for 1 --port 1 --count 1 --write kept",
        "calls FILE --engine auto --no-reflection --no-seen-reflection --port 1 --tls-keylog FILE --write kept",
        "calls FILE --proto PROTO --proto-path DATA",
        "connections FILE --no-reflection --no-seen-reflection --port 1",
        "frames localhost:1 --proto PROTO --reflection --reflect-header a:b",
        "follow localhost:1 0/1 --for 1 --write kept --html",
        "call localhost:1 a/B --listen :0 --engine tap --memory 512M --no-seen-reflection",
        "call localhost:1 a/B --write kept --port 2",
        "call localhost:1 a/B --tls --cacert FILE --no-seen-reflection --reflect-header a:b --gzip --deadline 1",
        "list localhost:1 --tls --deadline 3 --reflect-header a:b --keepalive-time 3",
        "list localhost:1 --proto PROTO --reflection --tls",
        "describe localhost:1 --proto PROTO --plaintext --no-reflection",
        "doctor --json",
    ],
)
def test_an_option_with_an_effect_is_accepted(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = {"FILE": FILE, "PROTO": PROTO, "DATA": str(DATA)}
    checked(*(words.get(word, word) for word in line.split()))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "line",
    [
        "",
        " --engine tap",
        " --listen unix:/x",
        " --plaintext",
        " --port 50052",
        f" {FILE} --plaintext",
        " unix:/x --tls",
    ],
)
def test_the_app_accepts_options_with_an_effect(line: str) -> None:
    checked("", *line.split())


def test_for_is_accepted_with_a_named_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert checked("calls", str(tmp_path / "pipe"), "--for", "1").seconds == 1


def test_listen_and_port_are_set_on_the_source() -> None:
    source = source_of(read("calls", "localhost:50051", "--port", "50051,50052"))
    assert isinstance(source, LiveSource)
    assert source.ports == {50052}
    source = source_of(read("calls", "localhost:50051", "--listen", ":0"))
    assert isinstance(source, LiveSource)
    assert str(source.listen) == "localhost:0"


@pytest.mark.system
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("calls", FILE, "--interface", "lo"),
            "--interface is for a live capture, and b_full.pcapng is a capture already. Leave it out.",
        ),
        (
            ("calls", "unix:/x", "--engine", "tcpdump"),
            "tcpdump cannot capture a Unix socket, which is not on a network. The tap can: --engine tap.",
        ),
        (
            ("calls", "localhost:50051", "--engine", "tap", "--port", "50052"),
            "--port adds ports to the capture, and the tap relays to localhost:50051 alone. Leave it out.",
        ),
        (
            ("connections", FILE, "--proto", PROTO),
            "--proto is for reading messages, and `connections` prints none. Leave it out.",
        ),
    ],
)
def test_commands_check_their_options_first(arguments: tuple[str, ...], said: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"grpc-inspector: {said}\n")


@pytest.mark.system
def test_an_engine_for_a_call_over_tls_is_remarked_on() -> None:
    done = run("call", "localhost:1", "a.B/C", "--tls", "--kind", "unary", "--no-reflection", "--engine", "tap")
    assert done.returncode == 64 + 14
    assert "--engine has no effect on a call over TLS" in done.stderr.splitlines()[0]


@pytest.mark.system
def test_files_and_reflection_can_be_combined(greet: GreetProcess) -> None:
    proto = str(DATA / "peers.proto")
    both = run("list", greet.target, "--proto", proto, "--reflection").stdout.splitlines()
    assert set(both) > set(run("list", greet.target, "--proto", proto).stdout.splitlines())
    assert "sample.v1.Tour" in both


@pytest.mark.system
@needs_capture
def test_an_additional_port_is_captured_and_decoded(start_service: Callable[[], GreetProcess]) -> None:
    """Both services are called by clients that know nothing of it, on the port that was named second too."""
    first, second = start_service(), start_service()
    argv = (sys.executable, "-m", "inspector", "calls", first.target, "--port", str(second.port), "--json")
    with subprocess.Popen(
        [*argv, "--no-reflection", "--count", "2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while process.poll() is None:
            greet_from_elsewhere(second.target, "Bo")
            greet_from_elsewhere(first.target, "Ada")
        printed, said = process.communicate()
    assert (process.returncode, said) == (0, "")
    calls = objects(printed)
    assert {call["method"] for call in calls} == {"/HelloWorld/greet"}
    assert {call["server"].rpartition(":")[2] for call in calls} == {str(first.port), str(second.port)}


@pytest.mark.system
def test_an_additional_port_without_effect_with_the_tap_is_remarked_on(greet: GreetProcess, tmp_path: Path) -> None:
    """Where neither tcpdump nor dumpcap is to be found, the tap steps in, and that is known only then."""
    tshark = shutil.which("tshark")
    assert tshark is not None
    (tmp_path / "tshark").symlink_to(tshark)
    arguments = ("calls", greet.target, "--port", "50052", "--for", "0.1", "--no-reflection")
    done = run(*arguments, env={**os.environ, "PATH": str(tmp_path)})
    said = done.stderr.splitlines()
    assert (done.returncode, len(said)) == (0, 2)
    assert "Listening on localhost:" in said[0]
    assert said[1] == f"grpc-inspector: The tap relays to {greet.target} alone: --port 50052 has no effect."
