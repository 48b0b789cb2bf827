"""Captured calls as JSON, text, HTML and commands."""
