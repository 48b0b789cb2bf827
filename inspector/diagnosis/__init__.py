"""Explains why a call failed: in a sentence, with the frames that prove it."""

from inspector.diagnosis.rules import diagnose, other_problems

__all__ = ["diagnose", "other_problems"]
