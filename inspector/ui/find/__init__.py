"""Find: what is looked through, how, and what was found."""
