"""Enum values told from strings: in the JSON mapping both are strings, on the screen only one wears quotes."""

from __future__ import annotations


class EnumWord(str):
    """The name of an enum value; equal to the plain string, and written as one by `json`."""

    __slots__ = ()
