"""What the right pane's tabs show, as documents of blocks; each is asked only for the blocks that are looked at."""
