"""Filters: syntax, matching, and the frames and calls that match."""
