"""The right pane: documents about what is selected."""
