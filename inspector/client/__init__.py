"""The way out: the service that is started, and the channel that calls go through."""
