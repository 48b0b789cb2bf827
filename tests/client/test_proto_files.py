"""Real .proto files through the real protoc."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.client.proto_files import compile_files
from inspector.errors import SchemaError
from inspector.schema.catalog import Catalog

HEAD = 'syntax = "proto3";\n'


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + text)
    return path


async def test_imports_come_first(tmp_path: Path) -> None:
    write(tmp_path / "common" / "name.proto", "message Name { string first = 1; }")
    api = write(tmp_path / "api" / "api.proto", 'import "common/name.proto"; message Who { Name name = 1; }')
    compiled = await compile_files([api], [tmp_path])
    assert [file.name for file in compiled.file] == ["common/name.proto", "api/api.proto"]


async def test_a_file_adds_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "name.proto", "message Name { string first = 1; }")
    write(tmp_path / "who.proto", 'import "name.proto"; message Who { Name name = 1; }')
    monkeypatch.chdir(tmp_path)
    compiled = await compile_files([Path("who.proto")])
    assert [file.name for file in compiled.file] == ["name.proto", "who.proto"]


async def test_the_import_folder_is_found_above_the_file(tmp_path: Path) -> None:
    write(tmp_path / "third_party" / "rules" / "rule.proto", "message Rule {}")
    write(tmp_path / "shop" / "v1" / "item.proto", 'import "rules/rule.proto"; message Item { Rule rule = 1; }')
    order = (
        'import "shop/v1/item.proto"; /* import "no.proto"; */ message Order { Item item = 1; } // import "not.proto";'
    )
    compiled = await compile_files([write(tmp_path / "shop" / "v1" / "order.proto", order)])
    assert [file.name for file in compiled.file] == ["rules/rule.proto", "shop/v1/item.proto", "shop/v1/order.proto"]


async def test_well_known_and_common_types_are_found(tmp_path: Path) -> None:
    imports = 'import "google/protobuf/timestamp.proto"; import "google/api/annotations.proto";'
    compiled = await compile_files([write(tmp_path / "when.proto", imports)])
    assert {"google/protobuf/timestamp.proto", "google/api/annotations.proto"} <= {file.name for file in compiled.file}


async def test_several_files_and_an_unusual_name(tmp_path: Path) -> None:
    files = [write(tmp_path / "a b" / "-x.proto", "message A {}"), write(tmp_path / "c" / "y.proto", "message B {}")]
    assert [file.name for file in (await compile_files(files)).file] == ["-x.proto", "y.proto"]


async def test_errors_of_protoc_are_quoted(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"bad\.proto:2:9: Expected message name"):
        await compile_files([write(tmp_path / "bad.proto", "message {}")])


async def test_a_missing_import_hints_at_proto_path(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"nowhere\.proto") as caught:
        await compile_files([write(tmp_path / "a.proto", 'import "nowhere.proto";')])
    assert "--proto-path" in caught.value.hint
    assert caught.value.message.startswith(f"{tmp_path / 'a.proto'}, line 2, imports nowhere.proto")


async def test_a_missing_import_is_reported_with_file_and_line(tmp_path: Path) -> None:
    write(tmp_path / "common" / "name.proto", 'import public "gone/type.proto";\nmessage Name {}')
    file = write(tmp_path / "api" / "who.proto", '\n\nimport "common/name.proto";')
    with pytest.raises(SchemaError, match=r"common/name\.proto, line 2, imports gone/type\.proto"):
        await compile_files([file])


@pytest.mark.parametrize("head", ['syntax = "proto2";', 'edition = "2023";', 'edition = "2024";'])
async def test_other_editions(tmp_path: Path, head: str) -> None:
    file = tmp_path / "a.proto"
    file.write_text(f"{head} message A {{ message B {{}} }}")
    catalog = Catalog()
    catalog.add(await compile_files([file]), "--proto a.proto")
    assert catalog.problems == []
    assert catalog.message_class("A.B") is not None


async def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="There is no file"):
        await compile_files([tmp_path / "a.proto"])
    with pytest.raises(SchemaError, match="is not a file"):
        await compile_files([tmp_path])


async def test_modules_in_the_current_folder_are_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.proto", "message A {}")
    (tmp_path / "grpc.py").write_text("raise SystemExit('the wrong grpc')")
    monkeypatch.chdir(tmp_path)
    assert len((await compile_files([Path("a.proto")])).file) == 1
