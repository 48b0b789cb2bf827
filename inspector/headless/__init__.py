"""The commands that print: `frames`, `calls`, `connections`, `follow`, `call`, `list`, `describe`, `doctor`."""
