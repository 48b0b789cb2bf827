"""The terminal app: draws the store and never writes to it."""
