"""What fills the terminal: the inspection itself, help, and the questions that lie over it."""
