"""Messages without a schema, typed by field numbers or as bytes, and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import RequestError
from inspector.model.call import CallKind
from inspector.schema.catalog import Catalog
from inspector.schema.encode import build
from inspector.schema.untyped import encode_untyped, untyped_method, untyped_text
from sample_service import sample_pb2 as pb


def encoded(text: str) -> bytes:
    return build(text, untyped_method("/a.B/C", CallKind.UNARY), Catalog())


def test_a_schema_reads_a_message_encoded_without_it() -> None:
    text = """{"1": "Zoë", "2": -7, "3": 9223372036854775807, "4": 2.5, "5": true, "6": {"bytes": "AP8="}, "7": 2,
        "8": ["a", "b"], "9": {"1": "k", "2": 3}, "14": {"1": "inner"}}"""
    assert pb.Things.FromString(encoded(text)) == pb.Things(
        text="Zoë",
        small=-7,
        large=9223372036854775807,
        fraction=2.5,
        yes=True,
        raw=b"\x00\xff",
        colour=pb.COLOUR_GREEN,
        words=["a", "b"],
        counts={"k": 3},
        inner=pb.Things(text="inner"),
    )


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", ""),
        ("0x0a05576f726c64", "0a05576f726c64"),
        ('{"1": {"sint": -3}}', "0805"),
        ('{"1": {"float": 1.5}}', "0d0000c03f"),
        ('{"1": {"fixed32": -1}}', "0dffffffff"),
        ('{"1": {"fixed64": 1}}', "090100000000000000"),
        ('{"1": null, "2": []}', ""),
    ],
)
def test_every_form(text: str, data: str) -> None:
    assert encoded(text).hex() == data


@pytest.mark.parametrize(
    ("text", "words", "path"),
    [
        ("World", "No schema knows /a.B/C", ""),
        ("0x0", "pairs of hex digits", ""),
        ('{"name": 1}', "name is not a field number", "name"),
        ('{"1": {"2": {"x": 1}}}', "1.2.x is not a field number", "1.2.x"),
        ('{"0": 1}', "0 is not a field number", "0"),
        ('{"1": [1, [2]]}', r"1\[1\] must be an object", "1[1]"),
        ('{"1": 18446744073709551616}', "64-bit whole number", "1"),
        ('{"1": {"bytes": "?"}}', "cannot be", "1"),
        ('{"1": {"fixed32": 4294967296}}', "cannot be 4294967296 as fixed32", "1"),
        ('{"1": "\\ud800"}', "lone surrogates", "1"),
        ('{"1": 1,}', "JSON is invalid at line 1", ""),
        pytest.param('{"1":' * 150 + "1" + "}" * 150, "nests deeper than 100", ".".join("1" * 101), id="deep"),
    ],
)
def test_invalid_texts(text: str, words: str, path: str) -> None:
    with pytest.raises(RequestError, match=words) as caught:
        encoded(text)
    assert caught.value.path == path


@given(st.binary())
def test_any_bytes_survive_a_round_trip(data: bytes) -> None:
    text = untyped_text(data)
    assert encode_untyped(text, "") == data
    assert text.startswith("0x") or json.loads(text) is not None
