"""Text from the wire, made safe to look at: nothing in it can move the cursor, turn the line round or hide.

Every character that a terminal would obey, or that a reader could not see, becomes a visible mark. The text itself is
never read as markup here or by a front end.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_CONTROL_PICTURES: Final = 0x2400
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Controls, format characters (bidi marks and joiners among them), unpaired surrogates, line separators."""


class _Marks(dict[int, str]):
    """The table of `str.translate`, filled as characters are met; bounded by the size of Unicode."""

    def __missing__(self, code: int) -> str:
        mark = self[code] = _mark(chr(code))
        return mark


def _mark(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN:
        return character
    code = ord(character)
    if code < 0x20:
        return chr(_CONTROL_PICTURES + code)
    return "␡" if code == 0x7F else f"<U+{code:04X}>"


_MARKS: Final = _Marks()
_ASCII: Final = "".join(chr(code) if 0x20 <= code < 0x7F else "·" for code in range(256))


def clean(text: str) -> str:
    r"""The text with every control or invisible character made visible: ESC as `␛`, U+202E as `<U+202E>`.

    The result is one line: `\n` and `\t` become `␊` and `␉`.
    """
    return text if text.isprintable() else text.translate(_MARKS)


def in_ascii(data: bytes) -> str:
    """Bytes as they stand beside their hex, a character for each: `·` for what is no printable ASCII."""
    return data.decode("latin-1").translate(_ASCII)


def shortened(text: str, limit: int) -> str:
    """The first characters of a text, cut off with `…` where it is longer."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"


def size(count: int) -> str:
    """A count of bytes for people: `210 B`, `300.0 kB`, `64.0 MB`, `12.5 GB`."""
    if count < 10_000:
        return f"{count} B"
    if count < 10_000_000:
        return f"{count / 1e3:.1f} kB"
    return f"{count / 1e6:.1f} MB" if count < 10_000_000_000 else f"{count / 1e9:.1f} GB"


def limit(count: int) -> str:
    """A count of bytes as an option gives it: `800 MB`, `2 GB`, `7.4 GB`, by 1,024 each."""
    gigabytes = count / (1 << 30)
    return f"{count >> 20} MB" if gigabytes < 1 else f"{gigabytes:.1f}".removesuffix(".0") + " GB"


def counted(count: int, one: str, many: str = "") -> str:
    """`1 message`, `3 messages`, `1,000 messages`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def more_characters(text: str, longest: int) -> str:
    """What is said behind a text that was cut."""
    return f"… {len(text) - longest:,} more characters"
