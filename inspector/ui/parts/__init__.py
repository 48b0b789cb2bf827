"""What can be done on the inspection screen: each part is given what it needs, and none knows the screen as a whole."""
