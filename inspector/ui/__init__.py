"""The terminal app: draws the store and never writes to it."""

from __future__ import annotations

import os

# Textual reads this when it is imported. With its usual 60 it waits up to a thirtieth of a second before it draws what
# a key did, where something was drawn right before.
os.environ.setdefault("TEXTUAL_FPS", "120")
