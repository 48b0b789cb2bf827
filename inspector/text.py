"""Text from the wire, made safe to display; sizes, counts and durations as text."""

from __future__ import annotations

import unicodedata
from typing import Final

_CONTROL_PICTURES: Final = 0x2400
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Controls, format characters (bidi marks and joiners among them), unpaired surrogates, line separators."""


class _Marks(dict[int, str]):
    """A table for `str.translate` that is filled on demand, and bounded by the size of Unicode."""

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
    r"""Make control and invisible characters of a text visible: ESC as `␛`, U+202E as `<U+202E>`.

    The result is one line: `\n` and `\t` become `␊` and `␉`.
    """
    return text if text.isprintable() else text.translate(_MARKS)


def in_ascii(data: bytes) -> str:
    """Return one character for each byte, `·` for those that are not printable ASCII."""
    return data.decode("latin-1").translate(_ASCII)


def shortened(text: str, limit: int) -> str:
    """Return at most `limit` characters of a text; a longer one ends with `…`."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"


def size(count: int) -> str:
    """Format a number of bytes in decimal units: `210 B`, `300.0 kB`, `64.0 MB`, `12.5 GB`."""
    if count < 10_000:
        return f"{count} B"
    if count < 10_000_000:
        return f"{count / 1e3:.1f} kB"
    return f"{count / 1e6:.1f} MB" if count < 10_000_000_000 else f"{count / 1e9:.1f} GB"


def limit(count: int) -> str:
    """Format a number of bytes in the binary units of options: `800 MB`, `2 GB`, `7.4 GB`."""
    gigabytes = count / (1 << 30)
    return f"{count >> 20} MB" if gigabytes < 1 else f"{gigabytes:.1f}".removesuffix(".0") + " GB"


def counted(count: int, one: str, many: str = "") -> str:
    """Format a count with its noun: `1 message`, `3 messages`, `1,000 messages`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def more_characters(text: str, longest: int) -> str:
    """Return the note that follows a text cut after `longest` characters."""
    return f"… {len(text) - longest:,} more characters"


def duration(seconds: float) -> str:
    """Format a duration: `45 µs`, `7.6 ms`, `250 ms`, `1.01 s`, `12.5 s`, `3 min 20 s`, `2 h 05 min`."""
    if seconds < 0.0009995:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 0.0999:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def delta(seconds: float) -> str:
    """Format a time difference in seconds as Wireshark does: `0.000472`, `-0.000012`."""
    return f"{seconds:.6f}"


def whole(seconds: float) -> str:
    """Format a duration to the second, for estimates: `14 s`, `3 min 20 s`."""
    return f"{seconds:.0f} s" if seconds < 59.5 else duration(seconds)


def since(seconds: float) -> str:
    """Format a time since an earlier one: `+45 µs`, `+7.6 ms`; `+0` if it is not earlier."""
    return f"+{duration(seconds)}" if seconds > 0 else "+0"
