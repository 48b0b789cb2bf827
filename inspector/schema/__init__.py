"""What messages mean: methods and types by name, and the reading of a message from its bytes."""
