"""The language that a filter text is taken to be written in."""

from __future__ import annotations

import pytest

from inspector.store.filters.syntax import Language, display_text, is_unambiguous, language

WORDS = [
    "", "greet World", "method:greet", "-type:DATA", '"grpc"', '"tcp.port == 1"', "1.2.3.4", "x-request-id", "foo=bar",
    "a < b", "greet and World", "helloworld.Greeter", "grpc.health.v1.Health", "localhost:37564", "peers.v1.Greeter",
    "tcp.stream == 0 type:DATA", "tcp.port == 37564 greet", "a/b.c/D", "not:x", "-greet", "any tcp", "tcp - x",
]  # fmt: skip
DISPLAY = [
    "tcp.port == 37564", "tcp.port ==", "tcp.port = ", "http2", "tcp.analysis.flags", "!tcp", "not tcp or udp",
    "ip.src==1.2.3.4 && tcp", "tcp.port in {1 2}", "tcp.port in {1, 2", 'http2.header.value contains "a b"',
    "len(http2.data.data) > 5", "tcp[0:2] == 00:01", "(tcp.port == 3)", "=foo", " = x", "http2.header.name == :status",
    "tcp.port == 1 || greet", "vlan", "dns or mdns", "_ws.expert", "tcp.srcport == tcp.dstport + 1",
    "any tcp.port == 1", "ip.src#[1] == 1.2.3.4", 'x509sat.printableString == "a"',
]  # fmt: skip


@pytest.mark.parametrize("text", WORDS)
def test_words(text: str) -> None:
    assert language(text) is Language.WORDS


@pytest.mark.parametrize("text", DISPLAY)
def test_display_filters(text: str) -> None:
    assert language(text) is Language.DISPLAY


def test_the_prefix_is_not_part_of_a_display_filter() -> None:
    assert [display_text(text) for text in (" = vlan ", "=tcp", "tcp.port == 1")] == ["vlan", "tcp", "tcp.port == 1"]
    assert [is_unambiguous(text) for text in ("http2", "=vlan", "!tcp", "tcp.port == 1")] == [False, True, True, True]
