"""Filters and selections: their syntax, their matching, and the frames and calls that match."""
