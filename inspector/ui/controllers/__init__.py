"""The actions and message handlers of the screen, in one controller for each subject."""
