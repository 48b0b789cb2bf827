"""Imports that a server leaves out of its files, as grpc-js does."""

from __future__ import annotations

from google.protobuf.descriptor_pb2 import FileDescriptorProto

from inspector.client.reflection import add_missing_imports


def file(name: str, package: str, message: str, *types: str, imports: tuple[str, ...] = ()) -> FileDescriptorProto:
    made = FileDescriptorProto(name=name, package=package, dependency=imports)
    holder = made.message_type.add(name=message)
    for number, type_name in enumerate(types, 1):
        holder.field.add(name=f"f{number}", number=number, type_name=type_name)
    return made


def test_an_import_is_added_for_a_used_type() -> None:
    one, two = file("one", "a", "One", ".b.Two"), file("two", "b", "Two")
    add_missing_imports([one, two])
    assert [[*one.dependency], [*two.dependency]] == [["two"], []]


def test_types_of_methods_nested_types_and_extensions_are_used_types() -> None:
    one, two, three = file("1", "a", "A"), file("2", "b", "B"), file("3", "", "C")
    two.message_type[0].enum_type.add(name="E")
    one.message_type[0].nested_type.add(name="N").field.add(name="e", number=1, type_name=".b.B.E")
    one.extension.add(name="x", number=100, extendee=".C")
    add_missing_imports([one, two, three])
    assert one.dependency == ["2", "3"]


def test_complete_imports_are_unchanged() -> None:
    one = file("one", "a", "One", ".b.Two", ".nobody.Knows", "Relative", imports=("two",))
    before = one.SerializeToString()
    add_missing_imports([one, file("two", "b", "Two")])
    assert one.SerializeToString() == before


def test_no_import_cycle_is_made() -> None:
    one, two = file("one", "a", "One", ".b.Two"), file("two", "b", "Two", ".a.One")
    add_missing_imports([one, two])
    assert [[*one.dependency], [*two.dependency]] == [["two"], []]
