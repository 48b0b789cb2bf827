"""The one mutable thing: what has been captured, and the filtered views of it."""
