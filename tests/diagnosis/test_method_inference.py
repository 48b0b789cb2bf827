"""Methods whose `:path` was never seen, inferred from all calls of their table."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.client.proto_files import compile_files
from inspector.diagnosis.call_facts import MethodName, method_name
from inspector.diagnosis.method_inference import exclude
from inspector.model.call import Call, CallState, Message, MethodSource, PathEntry, PathTable, StreamKey
from inspector.model.retained_list import RetainedList
from inspector.schema.catalog import Catalog
from inspector.schema.typed import Fit, fit
from tests.captures import SHARED, read_store

PROTO = """
syntax = "proto3";
package shop;
service Shop {
  rpc GetItem(Id) returns (Item);
  rpc ListItems(Query) returns (stream Item);
  rpc Categories(Nothing) returns (Names);
  rpc Pay(Payment) returns (Receipt);
  rpc Refund(Payment) returns (Receipt);
}
message Id { string id = 1; bool with_stock = 2; }
message Query { string text = 1; int32 limit = 2; }
message Item { string id = 1; string title = 2; }
message Nothing {}
message Names { repeated string names = 1; }
message Payment { string id = 1; bytes card = 3; }
message Receipt { string id = 1; fixed32 number = 4; }
"""


@pytest.fixture(scope="module")
async def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    path = tmp_path_factory.mktemp("proto") / "shop.proto"
    path.write_text(PROTO)
    found = Catalog()
    found.add(await compile_files([path]), "--proto shop.proto")
    return found


def text(number: int, value: str) -> bytes:
    return bytes((number << 3 | 2, len(value))) + value.encode()


class Table:
    """A table of paths that were never seen."""

    def __init__(self) -> None:
        self._table = PathTable()
        self._streams = iter(range(1, 10_000, 2))

    def entry(self, *calls: tuple[Iterable[bytes], Iterable[bytes]], state: CallState = CallState.COMPLETE) -> Call:
        """Add an entry that calls with these requests and replies used; return the first of them."""
        entry = PathEntry(self._table)
        for requests, replies in calls:
            self.use(entry, requests, replies, state)
        return next(iter(entry.calls.values()))

    def use(self, entry: PathEntry, requests: Iterable[bytes], replies: Iterable[bytes], state: CallState) -> None:
        call = Call(StreamKey(0, next(self._streams)), 0.0, state, path_entry=entry)
        call.requests, call.responses = (RetainedList(map(_message, each)) for each in (requests, replies))
        entry.calls[call.key] = call
        self._table.revision += 1


def _message(data: bytes) -> Message:
    return Message(1, 0.0, 0, 0, len(data), data)


ITEM = text(1, "a7") + text(2, "Mug")
GET = ([text(1, "a7")], [ITEM])
LIST = ([text(1, "mug") + b"\x10\x06"], [ITEM, ITEM])
PAY = ([text(1, "o1") + text(3, "card")], [text(1, "r1") + b"\x25\1\0\0\0"])


async def test_what_one_entry_must_be_the_others_are_not(catalog: Catalog) -> None:
    table = Table()
    get, list_ = table.entry(GET), table.entry(LIST)
    assert method_name(get, catalog) == MethodName("/shop.Shop/GetItem", MethodSource.GUESSED)
    assert method_name(list_, catalog) == MethodName("/shop.Shop/ListItems", MethodSource.GUESSED)


async def test_alone_both_remain_candidates(catalog: Catalog) -> None:
    assert method_name(Table().entry(GET), catalog) == MethodName(
        None, None, ("/shop.Shop/GetItem", "/shop.Shop/ListItems")
    )


async def test_methods_of_the_same_types_cannot_be_told_apart(catalog: Catalog) -> None:
    table = Table()
    for call in table.entry(PAY), table.entry(PAY):
        assert method_name(call, catalog).candidates == ("/shop.Shop/Pay", "/shop.Shop/Refund")


async def test_many_calls_with_one_reply_are_unary(catalog: Catalog) -> None:
    assert method_name(Table().entry(*[GET] * 3), catalog).method == "/shop.Shop/GetItem"


async def test_requests_that_are_always_empty_are_of_a_type_without_fields(catalog: Catalog) -> None:
    call = Table().entry(*[([b""], [text(1, "mugs")])] * 3)
    assert method_name(call, catalog).method == "/shop.Shop/Categories"


async def test_an_inference_follows_later_calls(catalog: Catalog) -> None:
    table = Table()
    call = table.entry(GET, state=CallState.OPEN)
    assert method_name(call, catalog).method is None
    assert call.path_entry is not None
    table.use(call.path_entry, *LIST, CallState.COMPLETE)
    assert method_name(call, catalog).method == "/shop.Shop/ListItems"


async def test_messages_that_no_method_takes_have_no_candidates(catalog: Catalog) -> None:
    assert method_name(Table().entry(([text(9, "x")], [])), catalog) == MethodName(None, None)


def test_the_schema_that_was_given_is_used() -> None:
    assert method_name(Table().entry(GET), Catalog()) == MethodName(None, None)


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("shop.Id", text(1, "a"), Fit.USUAL),
        ("shop.Id", b"\x10\1" + text(1, "a"), Fit.USUAL),
        ("shop.Id", text(1, "a") + b"\x10\6", Fit.UNUSUAL),
        ("shop.Id", text(1, "a") + text(1, "b"), Fit.UNUSUAL),
        ("shop.Id", text(1, ""), Fit.UNUSUAL),
        ("shop.Id", text(3, "a"), Fit.NONE),
        ("shop.Id", b"\xff", Fit.NONE),
        ("shop.Names", text(1, "a") + text(1, "b"), Fit.USUAL),
        ("shop.Nothing", b"", Fit.USUAL),
    ],
)
async def test_how_well_bytes_fit(catalog: Catalog, name: str, data: bytes, expected: Fit) -> None:
    found = catalog.message_class(name)
    assert found is not None
    assert fit(found, data) is expected


async def test_a_missing_required_field_is_no_error(tmp_path: Path) -> None:
    (path := tmp_path / "old.proto").write_text("""
        syntax = "proto2";
        message Old { required string id = 1; optional int32 size = 2; }
    """)
    catalog = Catalog()
    catalog.add(await compile_files([path]), "--proto old.proto")
    old = catalog.message_class("Old")
    assert old is not None
    assert fit(old, b"\x10\1") is Fit.USUAL


_likely = st.dictionaries(st.integers(0, 9), st.frozensets(st.sampled_from("abcdef"), max_size=4), max_size=8)


@given(_likely)
def test_excluding_only_removes_and_never_all(likely: dict[int, frozenset[str]]) -> None:
    left = exclude(likely)
    assert left.keys() == likely.keys()
    for entry, paths in likely.items():
        assert left[entry] <= paths
        assert bool(left[entry]) == bool(paths)


@given(st.permutations("abcdef"), st.data())
def test_the_true_paths_are_never_excluded(true: list[str], data: st.DataObject) -> None:
    likely = {at: data.draw(st.frozensets(st.sampled_from("abcdef"))) | {path} for at, path in enumerate(true[:5])}
    left = exclude(likely)
    assert all(path in left[at] for at, path in enumerate(true[:5]))


@pytest.mark.system
@pytest.mark.skipif(not SHARED.exists(), reason="the project's captures are not at hand")
async def test_a_busy_shop_joined_late() -> None:
    folder, protos = SHARED / "found" / "joined-late", SHARED.parent / "servers" / "shop" / "protos"
    catalog = Catalog()
    catalog.add(await compile_files(sorted(protos.rglob("*.proto")), [protos]), "--proto")
    truth = {each["stream"]: each for each in map(json.loads, (folder / "shop.truth.jsonl").read_text().splitlines())}
    store = await read_store(folder / "shop.pcap", 50051)
    known = {key.stream: method_name(call, catalog) for key, call in store.calls.items()}
    methods = [(each.method, truth[stream]["method"]) for stream, each in known.items() if each.method]
    statuses = [
        (call.status, truth[key.stream]["status"]) for key, call in store.calls.items() if call.status is not None
    ]
    assert all(found == true for found, true in methods)
    assert all(found.name in ("failed", true and true["name"]) for found, true in statuses)
    assert all(truth[stream]["method"] in each.candidates for stream, each in known.items() if not each.method)
    assert len(methods) > 0.9 * len(truth)
    assert len(statuses) > 0.99 * len(truth)
