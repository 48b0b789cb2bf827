"""Dialogs, and screens that are shown on top of the screen of a capture."""
