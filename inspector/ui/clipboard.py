"""Copying to the terminal's clipboard by OSC 52, through tmux too.

Owns the escape sequence. Whether the terminal obeys it cannot be known: it does not answer.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping


def copy_sequence(text: str, environment: Mapping[str, str]) -> str:
    r"""The escape sequence that puts a text on the clipboard.

    tmux passes on only what is wrapped as `\ePtmux;…\e\\`, with every ESC inside doubled.
    """
    encoded = b64encode(text.encode("utf-8", "replace")).decode("ascii")
    sequence = f"\x1b]52;c;{encoded}\x07"
    if environment.get("TMUX"):
        return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return sequence
