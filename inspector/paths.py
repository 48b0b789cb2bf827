"""Paths as a person types them, and what they lead to."""

from __future__ import annotations

import os
from pathlib import Path


def expand(text: str) -> Path:
    """Return a path with `~` and `~user` replaced as a shell does: unchanged where there is no such user."""
    return Path(os.path.expanduser(text))  # noqa: PTH111 - Path.expanduser fails for an unknown user


def status_of(path: Path) -> os.stat_result | None:
    """Return the status of the file or folder at a path; None where there is none.

    `Path.exists`, `is_file` and `is_dir` give False instead of an error since Python 3.14.

    Raises:
        OSError: it cannot be looked at: no permission, a name that is too long, …
    """
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
