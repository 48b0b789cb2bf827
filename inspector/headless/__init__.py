"""The commands that print: frames, calls, follow, call, doctor."""
