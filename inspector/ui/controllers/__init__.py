"""What the user can do on the screen: each controller receives what it needs, and none knows the screen."""
