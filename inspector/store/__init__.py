"""The captured data, which is the only mutable state, and filtered views of it."""
